import HybridizeCore

/// The fields of a message of Protocol Buffers, one after the other. Nothing is copied, and no length is believed beyond the
/// message.
struct ProtocolBuffer {
  enum Value {
    case integer(UInt64)
    case float(Float)
    case bytes(ArraySlice<UInt8>)

    var text: String? { if case .bytes(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil } }
    var bool: Bool? { if case .integer(let value) = self { value != 0 } else { nil } }
    /// A negative number fills all 64 bits.
    var int: Int? { if case .integer(let value) = self { Int(truncatingIfNeeded: value) } else { nil } }
  }

  private let bytes: ArraySlice<UInt8>
  private var index: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    index = bytes.startIndex
  }

  /// The next field; `nil` at the end.
  ///
  /// - Throws: `.notASentencePieceModel` for bytes that are no message.
  mutating func next() throws(HybridizeError) -> (number: Int, value: Value)? {
    guard index < bytes.endIndex else { return nil }
    let tag = try varint()
    let number = Int(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0: return (number, .integer(try varint()))
    case 1:
      _ = try take(8)
      return (number, .bytes([]))
    case 2:
      let length = try varint()
      return (number, .bytes(try take(length)))
    case 5:
      let bits = try take(4).reversed().reduce(0) { (bits: UInt32, byte) in bits << 8 | UInt32(byte) }
      return (number, .float(Float(bitPattern: bits)))
    default: throw damaged()
    }
  }

  private func damaged() -> HybridizeError {
    HybridizeError(
      .notASentencePieceModel, expected: "a message of Protocol Buffers", found: "damaged bytes at \(index)",
      remedy: "fetch tokenizer.model again, or give a tokenizer.json")
  }

  private mutating func varint() throws(HybridizeError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard index < bytes.endIndex else { throw damaged() }
      let byte = bytes[index]
      index += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damaged()
  }

  private mutating func take(_ count: UInt64) throws(HybridizeError) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.endIndex - index) else { throw damaged() }
    defer { index += Int(count) }
    return bytes[index..<index + Int(count)]
  }
}

extension Problem {
  public static let notASentencePieceModel = Problem(
    "notASentencePieceModel", .inputFile, "the file is no model of SentencePiece")
}
