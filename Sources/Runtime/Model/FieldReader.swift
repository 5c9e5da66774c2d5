import HybridizeCore

/// Reads the fields of a JSON object by type and knows which were read, so that what nobody reads is an error
/// and not a surprise. Errors name the field; the caller adds the file.
package struct FieldReader {
  private let object: JSONObject
  /// Where the object lies, for messages: `rope_scaling.`, or nothing.
  private let prefix: String
  private var seen: Set<String> = []

  /// - Parameter parent: the field that the object is the value of.
  package init(_ object: JSONObject, in parent: String? = nil) {
    self.object = object
    prefix = parent.map { $0 + "." } ?? ""
  }

  package var keys: [String] { object.keys }

  /// What fields are that are absent or null.
  package var defaults: [String: JSONValue] = [:]

  package func isObject(_ name: String) -> Bool { object[name]?.objectValue != nil }

  package func has(_ name: String) -> Bool { object[name].map { !$0.isNull } ?? false }

  /// Whether the field is there and null, which says something else than a field that is not there.
  package func isNull(_ name: String) -> Bool { object[name]?.isNull ?? false }

  /// The field as JSON text, for messages.
  package func text(_ name: String) -> String {
    if let value = object[name] { return "\(prefix)\(name): \(JSONWriter.compact(value))" }
    return "no \(prefix)\(name)" + (defaults[name].map { ", which stands for \(JSONWriter.compact($0))" } ?? "")
  }

  /// Marks fields as understood without reading them.
  package mutating func accept(_ names: some Sequence<String>) { seen.formUnion(names) }

  /// The value; if absent or null its default, `nil` without one.
  package mutating func value(_ name: String) -> JSONValue? {
    seen.insert(name)
    return has(name) ? object[name] : defaults[name]
  }

  package mutating func optionalString(_ name: String) throws(HybridizeError) -> String? {
    guard let value = value(name) else { return nil }
    guard let text = value.stringValue else { throw wrong(name, "a string") }
    return text
  }

  package mutating func string(_ name: String) throws(HybridizeError) -> String {
    guard let value = try optionalString(name) else { throw missing(name, "a string") }
    return value
  }

  package mutating func optionalInteger(_ name: String, in range: ClosedRange<Int>) throws(HybridizeError) -> Int? {
    guard let value = value(name) else { return nil }
    guard let number = value.integerValue, range.contains(number) else {
      throw wrong(name, "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(HybridizeError) -> Int {
    guard let value = try optionalInteger(name, in: range) else { throw missing(name, "an integer") }
    return value
  }

  package mutating func optionalDouble(_ name: String, in range: ClosedRange<Double>) throws(HybridizeError) -> Double?
  {
    guard let value = value(name) else { return nil }
    guard let number = value.doubleValue, range.contains(number) else {
      throw wrong(name, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package mutating func double(_ name: String, in range: ClosedRange<Double>) throws(HybridizeError) -> Double {
    guard let value = try optionalDouble(name, in: range) else { throw missing(name, "a number") }
    return value
  }

  package mutating func optionalBool(_ name: String) throws(HybridizeError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let flag = value.boolValue else { throw wrong(name, "true or false") }
    return flag
  }

  package mutating func optionalObject(_ name: String) throws(HybridizeError) -> JSONObject? {
    guard let value = value(name) else { return nil }
    guard let object = value.objectValue else { throw wrong(name, "an object") }
    return object
  }

  package mutating func array(_ name: String) throws(HybridizeError) -> [JSONValue] {
    guard let value = value(name) else { throw missing(name, "an array") }
    guard let array = value.arrayValue else { throw wrong(name, "an array") }
    return array
  }

  package mutating func strings(_ name: String) throws(HybridizeError) -> [String] {
    guard let value = value(name) else { throw missing(name, "a list of strings") }
    guard let array = value.arrayValue else { throw wrong(name, "a list of strings") }
    var strings: [String] = []
    for element in array {
      guard let text = element.stringValue else { throw wrong(name, "a list of strings") }
      strings.append(text)
    }
    return strings
  }

  package mutating func doubles(
    _ name: String, count: Int, in range: ClosedRange<Double>
  ) throws(HybridizeError) -> [Double] {
    let what = "a list of \(count) numbers from \(range.lowerBound) to \(range.upperBound)"
    guard let value = value(name) else { throw missing(name, what) }
    guard let array = value.arrayValue, array.count == count else { throw wrong(name, what) }
    let numbers = array.compactMap(\.doubleValue)
    guard numbers.count == count, numbers.allSatisfy(range.contains) else { throw wrong(name, what) }
    return numbers
  }

  /// Fields that have not been read, in the order of the file.
  package var unread: [(key: String, value: JSONValue)] { object.members.filter { !seen.contains($0.key) } }

  /// - Throws: `.unknownField` for the first field that has not been read.
  package func finish() throws(HybridizeError) {
    if let unknown = unread.first {
      throw HybridizeError(
        .unknownField, found: text(unknown.key),
        remedy: "if it does not change what the model computes, remove it from the file")
    }
  }

  package func missing(_ name: String, _ what: String) -> HybridizeError {
    HybridizeError(.missingField, expected: "\(prefix)\(name): \(what)", found: text(name))
  }

  package func wrong(_ name: String, _ what: String) -> HybridizeError {
    HybridizeError(.wrongField, expected: "\(prefix)\(name): \(what)", found: text(name))
  }
}

extension Problem {
  public static let wrongField = Problem("wrongField", .inputFile, "a field has a value that cannot be used")
}
