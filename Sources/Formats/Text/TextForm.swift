import HybridizeCore

/// How a text file holds its documents.
package enum TextForm: UInt32, Sendable {
  /// One document.
  case plain = 0
  /// An object a line, `{"text": …}`.
  case lines = 1
  /// One array of objects or strings, or objects one after the other, however they are broken into lines.
  case values = 2

  /// What names say, without regard to the case of letters.
  private static let extensions: [(name: String, form: TextForm)] = [
    (".jsonl", .lines), (".ndjson", .lines), (".json", .values), (".txt", .plain), (".md", .plain),
  ]

  /// All of them, for messages.
  static let extensionList = extensions.map(\.name).joined(separator: ", ")

  /// What the name of a file says, without what it says of compression; `nil` if that is nothing.
  package init?(name: String) {
    var name = name.lowercased()
    for end in [".gz", ".zst"] where name.hasSuffix(end) {
      name.removeLast(end.count)
      break
    }
    guard let found = Self.extensions.first(where: { name.hasSuffix($0.name) }) else { return nil }
    self = found.form
  }

  /// In messages and progress lines.
  package var words: String {
    switch self {
    case .plain: "plain text"
    case .lines: "JSON lines"
    case .values: "JSON"
    }
  }
}
