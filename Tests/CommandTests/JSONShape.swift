import HybridizeCore

/// What a JSON value is made of, to compare the program's output with.
indirect enum JSONShape: Sendable {
  case string
  case bool
  case integer
  /// An integer or a fraction.
  case number
  /// An object with at least these members.
  case object([String: JSONShape])
  /// An object whose members, of whatever names, all have this shape; at least one.
  case dictionary(JSONShape)
  /// At least one element, all of this shape.
  case list(JSONShape)
  case emptyList
  case null
  case schema(String)

  /// Where `value` is not of this shape, in words.
  func mismatches(_ value: JSONValue?, at path: String = "$") -> [String] {
    guard let value else { return ["\(path) is missing"] }
    switch (self, value) {
    case (.string, .string), (.bool, .bool), (.null, .null), (.emptyList, .array([])): return []
    case (.schema(let name), .string(let found)) where name == found: return []
    case (.integer, _) where value.integerValue != nil: return []
    case (.number, _) where value.doubleValue != nil: return []
    case (.object(let members), .object(let found)):
      return members.sorted { $0.key < $1.key }.flatMap { $1.mismatches(found[$0], at: "\(path).\($0)") }
    case (.dictionary(let shape), .object(let found)) where found.count > 0:
      return found.members.flatMap { shape.mismatches($0.value, at: "\(path).\($0.key)") }
    case (.list(let shape), .array(let found)) where !found.isEmpty:
      return found.enumerated().flatMap { shape.mismatches($0.element, at: "\(path)[\($0.offset)]") }
    default: return ["\(path) is \(value.kind), expected \(self)"]
    }
  }
}
