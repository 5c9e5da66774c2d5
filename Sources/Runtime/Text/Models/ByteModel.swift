import HybridizeCore

/// Byte-pair encoding of bytes.
struct ByteModel: WordModel {
  /// The token of each byte; `nil` for a byte that the vocabulary lacks, which then is left out of the ids.
  private let byteTokens: [Int?]
  private let merges: PairMerges
  /// Words that are tokens as they are, for models that look there first.
  private let wholeWords: VocabularyTable?

  init(byteTokens: [Int?], merges: PairMerges, wholeWords: VocabularyTable?) {
    self.byteTokens = byteTokens
    self.merges = merges
    self.wholeWords = wholeWords
  }

  func encode(_ text: ClassifiedText, _ word: Range<Int>, into ids: inout [Int]) {
    if let id = wholeWords?.id(of: text.bytes[word]) {
      ids.append(id)
    } else {
      merges.encode(text.bytes[word].compactMap { byteTokens[Int($0)] }, into: &ids)
    }
  }
}
