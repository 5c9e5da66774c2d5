/// A JSON document as a value. Objects keep their order, numbers keep their text, so that a file that is read
/// and written again says what it said before.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number in the text of the document, for instance `1e-05`; `NaN`, `Infinity` or `-Infinity` where the reader was
  /// asked to take them.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  public static func integer(_ value: Int) -> JSONValue { .number(String(value)) }

  /// The shortest text that reads back as `value`; `null` where JSON has no number for it.
  public static func double(_ value: Double) -> JSONValue {
    value.isFinite ? .number(value.description) : .null
  }

  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
  public var doubleValue: Double? { if case .number(let text) = self { Double(text) } else { nil } }

  /// The value of a number without fraction or exponent that fits.
  public var integerValue: Int? { if case .number(let text) = self { Int(text) } else { nil } }

  public var isNull: Bool { self == .null }

  /// What kind of value this is, for messages.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number(let text): "the number \(text)"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// A JSON object in document order. Keys are told apart by their bytes, not by Unicode equivalence.
public struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  public private(set) var members: [(key: String, value: JSONValue)] = []
  private var positions: [UTF8Key: Int] = [:]

  public init() {}

  public init(dictionaryLiteral members: (String, JSONValue)...) {
    for (key, value) in members { self[key] = value }
  }

  /// Reads a member; setting one replaces it in place or appends it, `nil` removes it.
  public subscript(key: String) -> JSONValue? {
    get { positions[UTF8Key(key)].map { members[$0].value } }
    set {
      switch (positions[UTF8Key(key)], newValue) {
      case (let position?, let value?): members[position].value = value
      case (nil, let value?):
        positions[UTF8Key(key)] = members.count
        members.append((key, value))
      case (let position?, nil):
        members.remove(at: position)
        positions = [:]
        for (index, member) in members.enumerated() { positions[UTF8Key(member.key)] = index }
      case (nil, nil): break
      }
    }
  }

  /// Appends a member; false, and nothing done, if the key is there already.
  mutating func insertNew(_ key: String, _ value: JSONValue) -> Bool {
    guard positions.updateValue(members.count, forKey: UTF8Key(key)) == nil else { return false }
    members.append((key, value))
    return true
  }

  public var keys: [String] { members.map(\.key) }
  public var count: Int { members.count }

  public static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.members.elementsEqual(b.members) { UTF8Key($0.key) == UTF8Key($1.key) && $0.value == $1.value }
  }
}

/// A string that is equal to another only if their bytes are: Swift's own equality takes canonically
/// equivalent strings for one, which would merge two tensors or two tokens.
public struct UTF8Key: Hashable, Sendable {
  public let string: String

  public init(_ string: String) { self.string = string }

  public static func == (a: UTF8Key, b: UTF8Key) -> Bool { a.string.utf8.elementsEqual(b.string.utf8) }

  public func hash(into hasher: inout Hasher) {
    var copy = string
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
