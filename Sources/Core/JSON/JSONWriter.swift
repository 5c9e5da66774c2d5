/// Writes JSON text: compact, or indented as people and Hugging Face's tools write it.
public enum JSONWriter {
  /// No white space at all.
  public static func compact(_ value: JSONValue) -> String {
    var out = ""
    write(value, indent: nil, to: &out)
    return out
  }

  /// Two spaces a level and a newline at the end.
  public static func indented(_ value: JSONValue) -> String {
    var out = ""
    write(value, indent: 0, to: &out)
    return out + "\n"
  }

  /// A string with its quotes: control characters, quote and backslash escaped, the rest as it is.
  public static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{08}": out += "\\b"
      case "\u{0C}": out += "\\f"
      case "\u{00}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  private static func write(_ value: JSONValue, indent: Int?, to out: inout String) {
    func newline(_ level: Int) -> String { "\n" + String(repeating: "  ", count: level) }
    switch value {
    case .null: out += "null"
    case .bool(let flag): out += flag ? "true" : "false"
    case .number(let text): out += text
    case .string(let text): out += quoted(text)
    case .array(let elements):
      if elements.isEmpty {
        out += "[]"
        return
      }
      out += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { out += "," }
        if let indent { out += newline(indent + 1) }
        write(element, indent: indent.map { $0 + 1 }, to: &out)
      }
      if let indent { out += newline(indent) }
      out += "]"
    case .object(let object):
      if object.members.isEmpty {
        out += "{}"
        return
      }
      out += "{"
      for (index, member) in object.members.enumerated() {
        if index > 0 { out += "," }
        if let indent { out += newline(indent + 1) }
        out += quoted(member.key) + (indent == nil ? ":" : ": ")
        write(member.value, indent: indent.map { $0 + 1 }, to: &out)
      }
      if let indent { out += newline(indent) }
      out += "}"
    }
  }
}
