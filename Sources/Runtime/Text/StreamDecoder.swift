import HybridizeCore

/// Text of tokens that come one by one: a character is given out when all its bytes are there.
public struct StreamDecoder {
  private let tokenizer: Tokenizer
  private var pending: [UInt8] = []

  public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The text that this token completes; may be empty.
  ///
  /// - Throws: `.tokenOutOfRange`.
  public mutating func add(_ id: Int) throws(HybridizeError) -> String {
    pending += try tokenizer.bytes(of: id)
    let whole = pending.count - Self.incompleteTail(pending)
    defer { pending.removeFirst(whole) }
    return String(decoding: pending[..<whole], as: UTF8.self)
  }

  /// What is left, with U+FFFD for a character that never became whole.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// Bytes at the end that may become a character when more come.
  private static func incompleteTail(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let lead = bytes[bytes.count - count]
      if lead & 0xC0 == 0x80 { continue }
      let length =
        lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC2 && lead < 0xE0 ? 2 : 1
      return length > count ? count : 0
    }
    return 0
  }
}
