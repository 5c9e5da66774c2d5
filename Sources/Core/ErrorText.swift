extension HybridizeError: CustomStringConvertible {
  public var description: String { ErrorText.render(self) }
}

/// Puts errors into words. The only place that does.
public enum ErrorText {
  /// Several lines: what and where, then expected, found and remedy where they are known.
  public static func render(_ error: HybridizeError) -> String {
    var head = ""
    if let file = error.file { head += escape(bounded(file)) + ": " }
    if let tensor = error.tensor { head += "tensor \"\(escape(bounded(tensor)))\": " }
    head += error.problem.sentence
    if let offset = error.offset { head += " (at byte \(offset))" }
    var lines = [head]
    if let expected = error.expected { lines.append("  expected: \(escape(bounded(expected)))") }
    if let found = error.found { lines.append("  found:    \(escape(bounded(found)))") }
    if let remedy = error.remedy { lines.append("  remedy:   \(escape(bounded(remedy)))") }
    return lines.joined(separator: "\n")
  }

  /// The error as JSON, for `--json`.
  public static func json(_ error: HybridizeError) -> JSONValue {
    var object = JSONObject()
    object["problem"] = .string(error.problem.name)
    object["message"] = .string(error.problem.sentence)
    for (key, value) in [
      ("file", error.file), ("tensor", error.tensor), ("expected", error.expected), ("found", error.found),
      ("remedy", error.remedy),
    ] {
      if let value { object[key] = .string(bounded(value)) }
    }
    if let offset = error.offset { object["offset"] = .integer(offset) }
    return .object(object)
  }

  /// What a part of a message has at most, in Unicode scalars: files bring names and values of any length.
  public static let partLimit = 1_000

  /// A part of a message as it is, or its beginning and how long it is in all.
  public static func bounded(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let end = scalars.index(scalars.startIndex, offsetBy: partLimit, limitedBy: scalars.endIndex),
      end != scalars.endIndex
    else { return text }
    return String(scalars[..<end]) + "... (\(text.utf8.count) bytes in all)"
  }

  /// Control characters and bidirectional overrides written visibly, so that a name from a file cannot
  /// steer the terminal.
  public static func escape(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0A: out.append(contentsOf: "\\n".unicodeScalars)
      case 0x09: out.append(contentsOf: "\\t".unicodeScalars)
      case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069:
        out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }
}
