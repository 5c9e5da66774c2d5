import HybridizeCore

extension SentencePieceFile {
  /// The tokenizer that the file describes.
  ///
  /// - Parameters:
  ///   - beginsDocuments: put the token that begins a document in front.
  ///   - endsDocuments: put the token that ends one behind.
  /// - Throws: `.tokenizerUnsupported`, `.notASentencePieceModel`.
  func definition(beginsDocuments: Bool, endsDocuments: Bool) throws(HybridizeError) -> TokenizerDefinition {
    let texts = pieces.map { Array($0.text.utf8) }
    guard let unknown = pieces.firstIndex(where: { $0.kind == .unknown }) else {
      throw Self.wrong("an unknown piece", "none")
    }
    guard !pieces.contains(where: { $0.kind == .unused }) else {
      throw HybridizeError(.tokenizerUnsupported, expected: "pieces that are all in use", found: "unused ones")
    }
    let userDefined = PieceTrie(zip(pieces, texts).filter { $0.0.kind == .userDefined }.map(\.1))
    var byteTokens: [Int?]?
    if bytesFallBack {
      var vocabulary: [UTF8Key: Int] = [:]
      for (id, piece) in pieces.enumerated() where piece.kind == .byte { vocabulary[UTF8Key(piece.text)] = id }
      let found = TokenizerFile.byteTokens(vocabulary)
      guard !found.contains(nil) else { throw Self.wrong("pieces for all 256 bytes", "less") }
      byteTokens = found
    }
    let model: any WordModel
    switch self.model {
    case .bytePairs: model = ScoredPairModel(pieces, unknown: unknown, byteTokens: byteTokens)
    case .unigram: model = unigram(texts, unknown: unknown, byteTokens: byteTokens)
    case .words, .characters:
      throw HybridizeError(
        .tokenizerUnsupported, expected: "a model of pairs or a unigram model", found: "\(self.model)")
    }
    var definition = TokenizerDefinition(
      normalizer: .sentencePiece(
        SentencePieceNormalizer(
          map: characterMap, userDefined: userDefined, addsPrefix: addsPrefix, removesExtraSpaces: removesExtraSpaces,
          escapesSpaces: escapesSpaces, spaceIsSuffix: spaceIsSuffix)),
      model: model, texts: pieces.map(\.text))
    if mergesWithinWords { definition.steps = [.boundaries(SentencePieceNormalizer.mark)] }
    definition.texts[unknown] = unknownSurface
    // Only documents have control pieces: a text never has one.
    definition.specialIDs = Set(pieces.indices.filter { pieces[$0].kind == .control })
    // The space that was put in front goes before the others are spaces, as an unknown token is shown with its own.
    var decoders: [TokenDecoder] = [.byteFallback, .fuse]
    if addsPrefix || removesExtraSpaces {
      decoders.append(.strip("▁", start: removesExtraSpaces ? 1 << 20 : 1, stop: 0))
    }
    decoders.append(.replace(.text(SentencePieceNormalizer.mark), [0x20]))
    definition.decoder = .sequence(decoders)
    if beginsDocuments, pieces.indices.contains(beginID) { definition.prefix = [beginID] }
    if endsDocuments, pieces.indices.contains(endID) { definition.suffix = [endID] }
    return definition
  }

  /// No piece goes across a place where a space follows something else.
  private var mergesWithinWords: Bool {
    let hasMark = pieces.contains { UTF8Key($0.text) == UTF8Key("▁") && $0.kind == .normal }
    return hasMark && !spaceIsSuffix
      && !pieces.contains { piece in
        guard piece.kind == .normal || piece.kind == .userDefined else { return false }
        return piece.text.unicodeScalars.drop { $0 == "▁" }.contains("▁")
      }
  }

  private func unigram(_ texts: [[UInt8]], unknown: Int, byteTokens: [Int?]?) -> UnigramModel {
    let normal = pieces.filter { $0.kind == .normal }.map(\.score)
    let (least, best) = (normal.min() ?? 0, normal.max() ?? 0)
    let scored = zip(pieces, texts).map { piece, text in
      switch piece.kind {
      case .normal: UnigramModel.Piece(bytes: text, score: Double(piece.score))
      // Better than whatever else could stand there.
      case .userDefined: UnigramModel.Piece(bytes: text, score: Double(Float(text.count) * best) - 0.1)
      default: UnigramModel.Piece(bytes: [], score: 0)
      }
    }
    return UnigramModel(
      scored, unknown: unknown, byteTokens: byteTokens, least: Double(least), arithmetic: .sentencePiece)
  }
}
