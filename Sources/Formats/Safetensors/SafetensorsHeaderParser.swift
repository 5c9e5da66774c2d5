import HybridizeCore

/// Reads the JSON of a header straight into descriptors, without a tree in between: memory stays in proportion to
/// the number of tensors, whatever else the text holds.
struct SafetensorsHeaderParser {
  /// More dimensions than this are refused; no framework makes that many.
  static let maximumRank = 64

  /// What the text says.
  struct Result {
    /// In the order of the text.
    var entries: [SafetensorsHeader.Entry] = []
    /// Of each name, the position in `entries` as they were read.
    var positions = NameTable(capacity: 0)
    var metadata: [(key: String, value: String)] = []
  }

  private var result = Result()
  private var cursor: JSONCursor
  private let strict: Bool

  /// Parses the whole text. Offsets of errors are offsets in `text`.
  static func parse(_ text: consuming [UInt8], strict: Bool) throws(HybridizeError) -> Result {
    try SafetensorsHeaderParser(consume text, strict: strict).result
  }

  private init(_ text: consuming [UInt8], strict: Bool) throws(HybridizeError) {
    let count = text.count
    cursor = try JSONCursor(consume text)
    self.strict = strict
    // About what the text has room for: growing the table in steps would cost as much as all the parsing.
    result.positions = NameTable(capacity: count / 96)
    result.entries.reserveCapacity(count / 96)
    var hasMetadata = false
    try cursor.beginObject()
    while let key = try cursor.nextKey() {
      if key == "__metadata__" {
        guard !hasMetadata else { throw problem(.duplicateField, found: key) }
        hasMetadata = true
        try readMetadata()
      } else {
        guard result.positions.add(key, { result.entries[$0].descriptor.name }) else {
          throw problem(.duplicateName, tensor: key)
        }
        result.entries.append(try readTensor(key))
      }
    }
    try cursor.finish()
  }

  private mutating func readMetadata() throws(HybridizeError) {
    if cursor.nextByte() == UInt8(ascii: "n") {
      _ = try cursor.value()
      return
    }
    try expect("{", "__metadata__ as an object")
    var keys = Set<UTF8Key>()
    try cursor.beginObject()
    while let key = try cursor.nextKey() {
      guard keys.insert(UTF8Key(key)).inserted else { throw problem(.duplicateName, found: key) }
      try expect("\"", "\"\(key)\" in __metadata__ as a string", else: .metadataNotString)
      result.metadata.append((key, try cursor.string()))
    }
  }

  private mutating func readTensor(_ name: String) throws(HybridizeError) -> SafetensorsHeader.Entry {
    do throws(HybridizeError) {
      try expect("{", "a tensor as an object")
      var type: ElementType?
      var shape: Shape?
      var offsets: (begin: Int, end: Int)?
      try cursor.beginObject()
      while let field = try cursor.nextKey() {
        switch field {
        case "dtype" where type == nil: type = try readType()
        case "shape" where shape == nil: shape = try readShape()
        case "data_offsets" where offsets == nil: offsets = try readOffsets()
        case "dtype", "shape", "data_offsets": throw problem(.duplicateField, found: field)
        default:
          guard !strict else { throw problem(.unknownField, found: field) }
          try cursor.skip()
        }
      }
      guard let type else { throw problem(.missingField, expected: "dtype") }
      guard let shape else { throw problem(.missingField, expected: "shape") }
      guard let offsets else { throw problem(.missingField, expected: "data_offsets") }
      let descriptor = try TensorDescriptor(name: name, elementType: type, shape: shape)
      return SafetensorsHeader.Entry(descriptor: descriptor, begin: offsets.begin, end: offsets.end)
    } catch {
      throw error.inTensor(name)
    }
  }

  private mutating func readType() throws(HybridizeError) -> ElementType {
    try expect("\"", "dtype as a string")
    let name = try cursor.string()
    guard let type = ElementType(rawValue: name) else {
      throw problem(
        .unknownDtype, expected: "one of " + ElementType.allCases.map(\.rawValue).joined(separator: ", "), found: name)
    }
    return type
  }

  private mutating func readShape() throws(HybridizeError) -> Shape {
    try expect("[", "shape as an array")
    var dimensions: [Int] = []
    try cursor.beginArray()
    while try cursor.nextElement() {
      guard dimensions.count < Self.maximumRank else {
        throw problem(.rankLimit, expected: "at most \(Self.maximumRank) dimensions")
      }
      let text = try readNumber("a dimension as a number")
      if text.utf8.contains(where: { !isDigit($0) }) {
        throw problem(isNegativeInteger(text) ? .negativeInteger : .nonIntegerNumber, found: text)
      }
      dimensions.append(try integer(text))
    }
    return Shape(dimensions)
  }

  private mutating func readOffsets() throws(HybridizeError) -> (begin: Int, end: Int) {
    try expect("[", "data_offsets as an array")
    var offsets: [Int] = []
    try cursor.beginArray()
    while try cursor.nextElement() {
      guard offsets.count < 2 else { throw problem(.wrongType, expected: "two data_offsets", found: "more") }
      let text = try readNumber("an offset as a number")
      guard text.utf8.allSatisfy(isDigit) else {
        throw problem(.wrongType, expected: "an offset, a whole number of bytes", found: text)
      }
      offsets.append(try integer(text))
    }
    guard offsets.count == 2 else { throw problem(.wrongType, expected: "two data_offsets", found: "\(offsets.count)") }
    return (offsets[0], offsets[1])
  }

  // MARK: Parts

  private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// True for `-1`, false for `-0` (which is a floating-point zero), `-1.5` and `1e3`.
  private func isNegativeInteger(_ text: String) -> Bool { Int(text).map { $0 < 0 } ?? false }

  private mutating func readNumber(_ what: String) throws(HybridizeError) -> String {
    if let byte = cursor.nextByte(), isDigit(byte) || byte == UInt8(ascii: "-") { return try cursor.number() }
    throw try mismatch(.wrongType, what)
  }

  /// The value of a string of digits.
  private func integer(_ text: String) throws(HybridizeError) -> Int {
    guard let value = UInt64(text) else { throw problem(.integerOverflow, found: text) }
    guard let value = Int(exactly: value) else { throw problem(.sizeOverflow, found: text) }
    return value
  }

  /// Checks that the next value begins with `first`.
  private mutating func expect(
    _ first: Unicode.Scalar, _ what: @autoclosure () -> String, else kind: Problem = .wrongType
  ) throws(HybridizeError) {
    guard cursor.nextByte() != UInt8(ascii: first) else { return }
    throw try mismatch(kind, what())
  }

  /// The error for a value of another type than expected. A value that is no JSON at all is reported as such.
  private mutating func mismatch(_ kind: Problem, _ what: String) throws(HybridizeError) -> HybridizeError {
    let start = cursor.nextByte()
    let offset = cursor.offset
    try cursor.skip()
    let found =
      switch start {
      case UInt8(ascii: "{"): "an object"
      case UInt8(ascii: "["): "an array"
      case UInt8(ascii: "\""): "a string"
      case UInt8(ascii: "n"): "null"
      case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean"
      default: "a number"
      }
    return HybridizeError(kind, offset: offset, expected: what, found: found)
  }

  private func problem(
    _ kind: Problem, tensor: String? = nil, expected: String? = nil, found: String? = nil
  ) -> HybridizeError {
    HybridizeError(kind, tensor: tensor, offset: cursor.offset, expected: expected, found: found)
  }
}

extension JSONCursor {
  /// Steps over a value of any kind without keeping it. Nesting is bounded by the cursor's limit.
  mutating func skip() throws(HybridizeError) {
    switch nextByte() {
    case UInt8(ascii: "{"):
      try beginObject()
      while try nextKey() != nil { try skip() }
    case UInt8(ascii: "["):
      try beginArray()
      while try nextElement() { try skip() }
    default: _ = try value()
    }
  }
}
