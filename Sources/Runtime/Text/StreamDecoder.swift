import HybridizeCore

/// Text of tokens that come one by one: a character is given out when all its bytes are there.
public struct StreamDecoder {
  private let tokenizer: Tokenizer
  /// Bytes that are no whole character yet, where each token has bytes of its own.
  private var pending: [UInt8] = []
  /// Tokens since the one before what was given out last, and how many of them were given out.
  private var ids: [Int] = []
  private var given = 0

  /// After so many tokens that made no text, what there is is given out.
  private static let patience = 64

  public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The text that this token completes; may be empty.
  ///
  /// - Throws: `.tokenOutOfRange`.
  public mutating func add(_ id: Int) throws(HybridizeError) -> String {
    guard tokenizer.decodesByToken else { return try addInContext(id) }
    pending += try tokenizer.bytes(of: id)
    let whole = pending.count - Self.incompleteTail(pending)
    defer { pending.removeFirst(whole) }
    return String(decoding: pending[..<whole], as: UTF8.self)
  }

  /// The text of a token depends on those before it: both are decoded, and what is new is given out.
  private mutating func addInContext(_ id: Int) throws(HybridizeError) -> String {
    _ = try tokenizer.bytes(of: id)
    ids.append(id)
    let (text, isWhole) = try newText()
    guard isWhole || ids.count - given > Self.patience else { return "" }
    ids.removeFirst(given)
    given = ids.count
    return text
  }

  /// What the tokens that were not given out add, and whether it ends in a whole character.
  private func newText() throws(HybridizeError) -> (String, isWhole: Bool) {
    let before = try tokenizer.decode(Array(ids[..<given]))
    let all = try tokenizer.decode(ids)
    let text =
      all.utf8.starts(with: before.utf8) ? String(decoding: all.utf8.dropFirst(before.utf8.count), as: UTF8.self) : all
    return (text, !text.unicodeScalars.isEmpty && text.unicodeScalars.last != "\u{FFFD}")
  }

  /// What is left, with U+FFFD for a character that never became whole.
  public mutating func finish() -> String {
    defer { (pending, ids, given) = ([], [], 0) }
    if !tokenizer.decodesByToken { return (try? newText().0) ?? "" }
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
