import HybridizeCore

/// Reads the fields of a JSON object by type and knows which were read, so that what nobody reads is an error
/// and not a surprise. Errors name the field; the caller adds the file.
package struct FieldReader {
  private let object: JSONObject
  private var seen: Set<String> = []

  package init(_ object: JSONObject) { self.object = object }

  package func has(_ name: String) -> Bool { object[name].map { !$0.isNull } ?? false }

  /// Whether the field is there and null, which says something else than a field that is not there.
  package func isNull(_ name: String) -> Bool { object[name]?.isNull ?? false }

  /// The field as JSON text, for messages.
  package func text(_ name: String) -> String {
    object[name].map { "\(name): \(JSONWriter.compact($0))" } ?? "no \(name)"
  }

  /// Marks fields as understood without reading them.
  package mutating func accept(_ names: some Sequence<String>) { seen.formUnion(names) }

  /// The value, `nil` if absent or null.
  package mutating func value(_ name: String) -> JSONValue? {
    seen.insert(name)
    return has(name) ? object[name] : nil
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

  /// - Throws: `.unknownField` for the first field that nobody has read.
  package func finish() throws(HybridizeError) {
    if let unknown = object.keys.first(where: { !seen.contains($0) }) {
      throw HybridizeError(
        .unknownField, found: text(unknown),
        remedy: "if it does not change what the model computes, remove it from the file")
    }
  }

  package func missing(_ name: String, _ what: String) -> HybridizeError {
    HybridizeError(.missingField, expected: "\(name): \(what)", found: text(name))
  }

  package func wrong(_ name: String, _ what: String) -> HybridizeError {
    HybridizeError(.wrongField, expected: "\(name): \(what)", found: text(name))
  }
}

extension Problem {
  public static let wrongField = Problem("wrongField", .inputFile, "a field has a value that cannot be used")
}
