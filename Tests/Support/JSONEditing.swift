import HybridizeCore
import HybridizeFormats

/// Changes single places of JSON documents, so that a test says what it breaks and nothing else.
extension JSONValue {
  /// The value below these keys, with an array's elements by their numbers; setting `nil` removes it.
  ///
  /// - Precondition: all but the last key exist.
  package subscript(path: [String]) -> JSONValue? {
    get {
      guard let key = path.first else { return self }
      return child(key)?[Array(path.dropFirst())]
    }
    set {
      guard let key = path.first else {
        self = newValue!
        return
      }
      var child = self.child(key)
      if path.count == 1 { child = newValue } else { child![Array(path.dropFirst())] = newValue }
      switch self {
      case .object(var object):
        object[key] = child
        self = .object(object)
      case .array(var array):
        array.replaceSubrange(Int(key)!...Int(key)!, with: child.map { [$0] } ?? [])
        self = .array(array)
      default: preconditionFailure("nothing lies below \(kind)")
      }
    }
  }

  package subscript(path: String...) -> JSONValue? {
    get { self[path] }
    set { self[path] = newValue }
  }

  private func child(_ key: String) -> JSONValue? {
    switch self {
    case .object(let object): object[key]
    case .array(let array): Int(key).flatMap { array.indices.contains($0) ? array[$0] : nil }
    default: nil
    }
  }

  /// A document of a test's own; anything wrong with it traps.
  package init(_ text: String) { self = try! JSONCursor.parse(Array(text.utf8)) }

  /// The same with the numbers that Python alone writes.
  package init(python text: String) { self = try! JSONCursor.parse(Array(text.utf8), takesNonFinite: true) }

  /// A document of `fixtures`.
  package static func fixture(_ name: String) throws -> JSONValue {
    try JSONCursor.parse(FileSystem.read(Fixtures.path(name), limit: 1 << 24))
  }

  package var bytes: [UInt8] { Array(JSONWriter.compact(self).utf8) }
}
