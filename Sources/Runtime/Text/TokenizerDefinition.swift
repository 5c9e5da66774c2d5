import HybridizeCore

/// What makes a tokenizer, whatever file says it.
struct TokenizerDefinition: Sendable {
  var normalizer: TextNormalizer?
  var steps: [PreTokenizer] = []
  var model: any WordModel
  var decoder: TokenDecoder?
  /// Put in front of a document's tokens and behind them.
  var prefix: [Int] = []
  var suffix: [Int] = []
  /// The text of each id of the vocabulary; `nil` for ids that stand for nothing.
  var texts: [String?]
  var addedTokens: [AddedTokens.Token] = []
  /// Ids that are special though no text is recognised as them.
  var specialIDs: Set<Int> = []
  /// What of the file does not hold, in a sentence each.
  var warnings: [String] = []
}

extension TokenizerDefinition {
  /// Places added tokens at the ids that they name, found in the text before it is normalized: as those who load
  /// tokenizer.model with its tokenizer_config.json do it.
  ///
  /// - Throws: `.wrongField`.
  mutating func place(_ tokens: [JSONValue]) throws(HybridizeError) {
    for value in tokens {
      guard let fields = value.objectValue, let text = fields["content"]?.stringValue,
        let id = fields["id"]?.integerValue, (0...TokenizerFile.largestID(of: texts.count)).contains(id)
      else { throw HybridizeError(.wrongField, expected: "added_tokens_decoder: tokens with content by their ids") }
      guard !text.isEmpty else { continue }
      var token = AddedTokens.Token(id: id, text: Array(text.utf8))
      token.isSpecial = fields["special"]?.boolValue ?? false
      token.isSingleWord = fields["single_word"]?.boolValue ?? false
      token.stripsLeft = fields["lstrip"]?.boolValue ?? false
      token.stripsRight = fields["rstrip"]?.boolValue ?? false
      if texts.count <= id { texts += Array(repeating: nil, count: id + 1 - texts.count) }
      texts[id] = text
      addedTokens.append(token)
    }
  }
}
