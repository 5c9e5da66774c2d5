/// How SentencePiece prepares a text: characters mapped by its table, spaces in a row made one, a space put in front, and each
/// space written as U+2581.
struct SentencePieceNormalizer: Sendable {
  let map: CharacterMap?
  /// Pieces that stand for themselves wherever they are met.
  let userDefined: PieceTrie
  let addsPrefix: Bool
  let removesExtraSpaces: Bool
  let escapesSpaces: Bool
  let spaceIsSuffix: Bool

  static let mark = Array("▁".utf8)
  private static let space: UInt8 = 0x20

  /// - Parameter continues: the text goes on behind others of its document.
  func applied(to bytes: ArraySlice<UInt8>, continues: Bool) -> [UInt8] {
    let space = escapesSpaces ? Self.mark : [Self.space]
    var rest = bytes
    if removesExtraSpaces && !continues {
      while !rest.isEmpty, case (let text, let length) = prefix(of: rest), text.elementsEqual([Self.space]) {
        rest = rest.dropFirst(length)
      }
    }
    guard !rest.isEmpty else { return [] }
    var result: [UInt8] = []
    result.reserveCapacity(rest.count * 2)
    if addsPrefix && !spaceIsSuffix && !continues { result += space }
    var isBehindSpace = removesExtraSpaces && !continues
    while !rest.isEmpty {
      var (text, length) = prefix(of: rest)
      rest = rest.dropFirst(length)
      if isBehindSpace { text = text.drop { $0 == Self.space } }
      for byte in text {
        if byte == Self.space && escapesSpaces { result += Self.mark } else { result.append(byte) }
      }
      if let last = text.last { isBehindSpace = last == Self.space }
      if !removesExtraSpaces { isBehindSpace = false }
    }
    if removesExtraSpaces {
      while result.count >= space.count, result.suffix(space.count).elementsEqual(space) {
        result.removeLast(space.count)
      }
    }
    if addsPrefix && spaceIsSuffix { result += space }
    return result
  }

  /// What the beginning of a text becomes, and how much of it that is.
  private func prefix(of bytes: ArraySlice<UInt8>) -> (text: ArraySlice<UInt8>, length: Int) {
    var matched = 0
    userDefined.prefixes(of: bytes) { _, length in matched = length }
    if matched > 0 { return (bytes.prefix(matched), matched) }
    if let (length, text) = map?.longest(bytes) { return (text, length) }
    let lead = bytes[bytes.startIndex]
    let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    return (bytes.prefix(length), min(length, bytes.count))
  }
}
