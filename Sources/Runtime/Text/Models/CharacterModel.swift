import HybridizeCore

/// Byte-pair encoding of characters, as SentencePiece's models have it in a tokenizer.json: what the vocabulary lacks becomes
/// tokens of bytes or the unknown token.
struct CharacterModel: WordModel {
  struct Options: Sendable {
    var unknown: Int?
    /// The unknown token's text, if the vocabulary lacks it: an error once it is needed.
    var missingUnknown: String?
    /// Unknown characters in a row are one token.
    var fusesUnknown = false
    /// The tokens of all bytes that have one, `<0x00>` to `<0xFF>`; `nil` without a fallback.
    var byteTokens: [Int?]?
    /// In front of each character but the first when it is looked up.
    var continuingPrefix: [UInt8] = []
    /// Behind the last character when it is looked up.
    var endSuffix: [UInt8] = []
    /// A word that is a token is not put together from others.
    var ignoresMerges = false
  }

  private let vocabulary: VocabularyTable
  private let merges: PairMerges
  private let options: Options

  init(vocabulary: VocabularyTable, merges: PairMerges, options: Options) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.options = options
  }

  func encode(_ text: ClassifiedText, _ word: Range<Int>, into ids: inout [Int]) throws(HybridizeError) {
    if options.ignoresMerges, let id = vocabulary.id(of: text.bytes[word]) {
      ids.append(id)
      return
    }
    var symbols: [Int] = []
    symbols.reserveCapacity(word.count)
    // An unknown token waits for its neighbours. Tokens of bytes go before it, as they do in the package `tokenizers`.
    var waiting = false
    var index = word.lowerBound
    while index < word.upperBound {
      let end = text.nextCharacter(after: index)
      let isPlain =
        (options.continuingPrefix.isEmpty || index == word.lowerBound)
        && (options.endSuffix.isEmpty || end < word.upperBound)
      var character = text.bytes[index..<end]
      if !isPlain {
        if index > word.lowerBound { character = (options.continuingPrefix + character)[...] }
        if end == word.upperBound { character += options.endSuffix }
      }
      index = end
      if let id = vocabulary.id(of: character) {
        if waiting, let unknown = options.unknown { symbols.append(unknown) }
        waiting = false
        symbols.append(id)
      } else if let bytes = bytes(of: character) {
        symbols += bytes
      } else if let unknown = options.unknown {
        if waiting, !options.fusesUnknown { symbols.append(unknown) }
        waiting = true
      } else if let name = options.missingUnknown {
        throw HybridizeError(
          .tokenizerUnsupported, expected: "model.unk_token: a token of the vocabulary", found: String(name.prefix(64)))
      }
    }
    if waiting, let unknown = options.unknown { symbols.append(unknown) }
    merges.encode(symbols, into: &ids)
  }

  private func bytes(of character: ArraySlice<UInt8>) -> [Int]? {
    guard let table = options.byteTokens else { return nil }
    var tokens: [Int] = []
    for byte in character {
      guard let token = table[Int(byte)] else { return nil }
      tokens.append(token)
    }
    return tokens
  }
}
