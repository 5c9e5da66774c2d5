/// A strict pull parser over the bytes of a JSON document (RFC 8259).
///
/// It holds the document and a stack of open containers, nothing else, so that a caller can read a header of a
/// hundred thousand tensors straight into its own types. Stricter than most: bytes must be valid UTF-8, keys of
/// an object must differ (after unescaping, by bytes) where `value()` reads them, nesting is bounded, nothing
/// may follow the document, and every error has its offset.
///
/// On request `value()` takes the numbers that Python writes and JSON has not: `NaN`, `Infinity` and `-Infinity`.
public struct JSONCursor {
  private let bytes: [UInt8]
  /// Offset of the next byte to read.
  public private(set) var offset = 0
  /// For each open container, whether an element has been read.
  private var open: [Bool] = []
  private let depthLimit: Int
  private let takesNonFinite: Bool

  /// - Parameter takesNonFinite: `NaN`, `Infinity` and `-Infinity` are numbers, as Python writes them.
  /// - Throws: `.invalidUTF8` with the offset of the first bad byte.
  public init(_ bytes: [UInt8], depthLimit: Int = 64, takesNonFinite: Bool = false) throws(HybridizeError) {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw HybridizeError(.invalidUTF8, offset: error.byteOffsets.lowerBound)
    }
    self.bytes = bytes
    self.depthLimit = depthLimit
    self.takesNonFinite = takesNonFinite
  }

  /// Parses a whole document.
  public static func parse(
    _ bytes: [UInt8], depthLimit: Int = 64, takesNonFinite: Bool = false
  ) throws(HybridizeError) -> JSONValue {
    var cursor = try JSONCursor(bytes, depthLimit: depthLimit, takesNonFinite: takesNonFinite)
    let value = try cursor.value()
    try cursor.finish()
    return value
  }

  // MARK: Containers

  public mutating func beginObject() throws(HybridizeError) { try begin(UInt8(ascii: "{"), "an object") }
  public mutating func beginArray() throws(HybridizeError) { try begin(UInt8(ascii: "["), "an array") }

  /// The next key of the open object, with the colon consumed; `nil` when the object ends.
  public mutating func nextKey() throws(HybridizeError) -> String? {
    guard try advance(closing: UInt8(ascii: "}")) else { return nil }
    let key = try string()
    try expect(UInt8(ascii: ":"), "':'")
    return key
  }

  /// True if the open array has another element, which must then be read; false when the array ends.
  public mutating func nextElement() throws(HybridizeError) -> Bool {
    try advance(closing: UInt8(ascii: "]"))
  }

  // MARK: Values

  public mutating func string() throws(HybridizeError) -> String {
    try expect(UInt8(ascii: "\""), "a string")
    var text: [UInt8] = []
    var start = offset
    while true {
      guard offset < bytes.count else { throw syntax("the closing quote of a string") }
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        let rest = bytes[start..<offset]
        offset += 1
        // Most strings have no escape and need no copy.
        return text.isEmpty ? String(decoding: rest, as: UTF8.self) : String(decoding: text + rest, as: UTF8.self)
      case UInt8(ascii: "\\"):
        text += bytes[start..<offset]
        offset += 1
        try escape(into: &text)
        start = offset
      case 0..<0x20: throw syntax("an escaped control character")
      default: offset += 1
      }
    }
  }

  /// The text of a number, checked against JSON's grammar.
  public mutating func number() throws(HybridizeError) -> String {
    skipSpace()
    let start = offset
    func isDigit(_ at: Int) -> Bool { at < bytes.count && (0x30...0x39).contains(bytes[at]) }
    func fail() -> HybridizeError { HybridizeError(.jsonSyntax, offset: start, expected: "a number") }
    if peek == UInt8(ascii: "-") { offset += 1 }
    guard isDigit(offset) else { throw fail() }
    if bytes[offset] == UInt8(ascii: "0") {
      offset += 1
      guard !isDigit(offset) else { throw fail() }
    } else {
      while isDigit(offset) { offset += 1 }
    }
    if peek == UInt8(ascii: ".") {
      offset += 1
      guard isDigit(offset) else { throw fail() }
      while isDigit(offset) { offset += 1 }
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      offset += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { offset += 1 }
      guard isDigit(offset) else { throw fail() }
      while isDigit(offset) { offset += 1 }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// Any value as a tree.
  ///
  /// - Throws: `.jsonSyntax`, `.jsonDuplicateKey`, `.jsonTooDeep`.
  public mutating func value() throws(HybridizeError) -> JSONValue {
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"):
      try beginObject()
      var object = JSONObject()
      while true {
        skipSpace()
        let keyOffset = offset
        guard let key = try nextKey() else { return .object(object) }
        guard object.insertNew(key, try value()) else {
          throw HybridizeError(.jsonDuplicateKey, offset: keyOffset, found: key)
        }
      }
    case UInt8(ascii: "["):
      try beginArray()
      var array: [JSONValue] = []
      while try nextElement() { array.append(try value()) }
      return .array(array)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N") where takesNonFinite: return try word("NaN", .number("NaN"))
    case UInt8(ascii: "I") where takesNonFinite: return try word("Infinity", .number("Infinity"))
    case UInt8(ascii: "-") where takesNonFinite && bytes[offset...].starts(with: "-I".utf8):
      return try word("-Infinity", .number("-Infinity"))
    case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
    default: throw syntax("a value")
    }
  }

  /// Checks that only white space follows.
  public mutating func finish() throws(HybridizeError) {
    skipSpace()
    guard offset == bytes.count else { throw syntax("the end of the document") }
  }

  /// The next byte that is not white space, not consumed; `nil` at the end.
  public mutating func nextByte() -> UInt8? {
    skipSpace()
    return peek
  }

  // MARK: Parts

  private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  private mutating func expect(_ byte: UInt8, _ what: String) throws(HybridizeError) {
    skipSpace()
    guard peek == byte else { throw syntax(what) }
    offset += 1
  }

  private mutating func begin(_ byte: UInt8, _ what: String) throws(HybridizeError) {
    try expect(byte, what)
    guard open.count < depthLimit else {
      throw HybridizeError(.jsonTooDeep, offset: offset - 1, expected: "at most \(depthLimit) levels")
    }
    open.append(false)
  }

  /// Steps over the comma before an element, or over the closing byte of the container.
  private mutating func advance(closing: UInt8) throws(HybridizeError) -> Bool {
    precondition(!open.isEmpty, "no container is open")
    skipSpace()
    let isFirst = !open[open.count - 1]
    if peek == closing {
      offset += 1
      open.removeLast()
      return false
    }
    if isFirst {
      open[open.count - 1] = true
    } else {
      try expect(UInt8(ascii: ","), "',' or the end of the container")
      skipSpace()
      if peek == closing { throw syntax("an element after ','") }
    }
    return true
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(HybridizeError) -> JSONValue {
    guard bytes[offset...].starts(with: word.utf8) else { throw syntax("a value") }
    offset += word.utf8.count
    return value
  }

  private mutating func escape(into text: inout [UInt8]) throws(HybridizeError) {
    let start = offset - 1
    guard let byte = peek else { throw syntax("an escape") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hex()
      if (0xD800..<0xDC00).contains(code) {
        guard peek == UInt8(ascii: "\\") else { throw HybridizeError(.jsonLoneSurrogate, offset: start) }
        offset += 1
        guard peek == UInt8(ascii: "u") else { throw HybridizeError(.jsonLoneSurrogate, offset: start) }
        offset += 1
        let low = try hex()
        guard (0xDC00..<0xE000).contains(low) else { throw HybridizeError(.jsonLoneSurrogate, offset: start) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw HybridizeError(.jsonLoneSurrogate, offset: start) }
      text += Array(String(scalar).utf8)
    default:
      offset = start
      throw syntax("an escape of JSON")
    }
  }

  private mutating func hex() throws(HybridizeError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw syntax("four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      offset += 1
    }
    return code
  }

  private func syntax(_ expected: String) -> HybridizeError {
    let found: String
    if offset >= bytes.count {
      found = "the end"
    } else if bytes[offset...].starts(with: [0xEF, 0xBB, 0xBF]) {
      found = "a byte order mark"
    } else {
      found = "'\(Character(Unicode.Scalar(bytes[offset])))'"
    }
    return HybridizeError(.jsonSyntax, offset: offset, expected: expected, found: found)
  }
}

extension Problem {
  public static let invalidUTF8 = Problem("invalidUTF8", .inputFile, "not valid UTF-8")
  public static let jsonSyntax = Problem("jsonSyntax", .inputFile, "not valid JSON")
  public static let jsonDuplicateKey = Problem("jsonDuplicateKey", .inputFile, "a JSON key appears twice")
  public static let jsonTooDeep = Problem("jsonTooDeep", .inputFile, "JSON is nested too deeply")
  public static let jsonLoneSurrogate = Problem(
    "jsonLoneSurrogate", .inputFile, "a JSON escape names half a surrogate pair")
}
