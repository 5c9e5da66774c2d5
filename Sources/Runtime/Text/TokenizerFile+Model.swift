import HybridizeCore

extension TokenizerFile {
  /// - Parameter steps: the pre-tokenizers; the last is taken away if the model does its work.
  static func bytePairs(
    _ fields: JSONObject, _ steps: inout [PreTokenizer]
  ) throws(HybridizeError) -> ModelFile {
    if let dropout = fields["dropout"], !dropout.isNull, dropout.doubleValue != 0 {
      throw unsupported("model.dropout", dropout, "none, as ids would be drawn at random")
    }
    let vocabulary = try vocabulary(fields)
    let prefix = fields["continuing_subword_prefix"]?.stringValue ?? ""
    let merges = PairMerges(try Self.merges(fields, vocabulary, prefix: prefix))
    let texts = texts(vocabulary)

    var options = CharacterModel.Options()
    options.fusesUnknown = fields["fuse_unk"]?.boolValue ?? false
    options.ignoresMerges = fields["ignore_merges"]?.boolValue ?? false
    options.continuingPrefix = Array(prefix.utf8)
    options.endSuffix = Array((fields["end_of_word_suffix"]?.stringValue ?? "").utf8)
    if let name = fields["unk_token"]?.stringValue {
      options.unknown = vocabulary[UTF8Key(name)]
      if options.unknown == nil { options.missingUnknown = name }
    }
    if fields["byte_fallback"]?.boolValue ?? false { options.byteTokens = byteTokens(vocabulary) }

    let model: any WordModel
    if let bytes = byteModel(steps, vocabulary, merges, options) {
      steps.removeLast()
      model = bytes
    } else {
      var table = VocabularyTable(capacity: vocabulary.count)
      for (token, id) in vocabulary { table.insert(Array(token.string.utf8)[...], id: id) }
      if let mark = boundary(vocabulary, options) { steps.append(.boundaries(mark)) }
      model = CharacterModel(vocabulary: table, merges: merges, options: options)
    }
    return ModelFile(model: model, texts: texts, vocabulary: vocabulary, count: vocabulary.count)
  }

  /// A model of bytes, where the last step makes characters of bytes and nothing else looks at these.
  private static func byteModel(
    _ steps: [PreTokenizer], _ vocabulary: [UTF8Key: Int], _ merges: PairMerges, _ options: CharacterModel.Options
  ) -> ByteModel? {
    guard case .byteAlphabet? = steps.last, options.byteTokens == nil, options.continuingPrefix.isEmpty,
      options.endSuffix.isEmpty
    else { return nil }
    for case .byteAlphabet in steps.dropLast() { return nil }
    let tokens = ByteAlphabet.characters.map { vocabulary[UTF8Key(String($0))] }
    // What is missing would be the unknown token.
    guard options.unknown == nil && options.missingUnknown == nil || !tokens.contains(nil) else { return nil }
    var words: VocabularyTable?
    if options.ignoresMerges {
      var table = VocabularyTable(capacity: vocabulary.count)
      for (token, id) in vocabulary {
        // A token outside the alphabet of bytes is never met in a text.
        if let bytes = ByteAlphabet.decode(token.string) { table.insert(bytes[...], id: id) }
      }
      words = table
    }
    return ByteModel(byteTokens: tokens, merges: merges, wholeWords: words)
  }

  /// The mark of spaces, if the model merges nothing across a place where it follows another character: then a text can be
  /// cut there first, and words that come again need not be merged again.
  private static func boundary(_ vocabulary: [UTF8Key: Int], _ options: CharacterModel.Options) -> [UInt8]? {
    let mark = Array("▁".utf8)
    guard vocabulary[UTF8Key("▁")] != nil, options.continuingPrefix.isEmpty, options.endSuffix.isEmpty,
      !options.ignoresMerges
    else { return nil }
    for token in vocabulary.keys {
      var isBehindOther = false
      for scalar in token.string.unicodeScalars {
        if scalar == "▁" {
          if isBehindOther { return nil }
        } else {
          isBehindOther = true
        }
      }
    }
    return mark
  }

  static func unigram(_ fields: JSONObject) throws(HybridizeError) -> ModelFile {
    guard let entries = fields["vocab"]?.arrayValue else {
      throw HybridizeError(.missingField, expected: "model.vocab: an array")
    }
    var pieces: [UnigramModel.Piece] = []
    var texts: [String?] = []
    var vocabulary: [UTF8Key: Int] = [:]
    pieces.reserveCapacity(entries.count)
    for (id, entry) in entries.enumerated() {
      guard let pair = entry.arrayValue, pair.count == 2, let text = pair[0].stringValue,
        let score = pair[1].doubleValue,
        score.isFinite
      else {
        throw HybridizeError(.wrongField, expected: "model.vocab: pairs of a token and its score", found: entry.kind)
      }
      pieces.append(UnigramModel.Piece(bytes: Array(text.utf8), score: score))
      texts.append(text)
      vocabulary[UTF8Key(text)] = id
    }
    var unknown: Int?
    if let value = fields["unk_id"], !value.isNull {
      guard let id = value.integerValue, pieces.indices.contains(id) else {
        throw HybridizeError(.wrongField, expected: "model.unk_id: an id of the vocabulary", found: value.kind)
      }
      unknown = id
    }
    let hasFallback = fields["byte_fallback"]?.boolValue ?? false
    let model = UnigramModel(pieces, unknown: unknown, byteTokens: hasFallback ? byteTokens(vocabulary) : nil)
    return ModelFile(model: model, texts: texts, vocabulary: vocabulary, count: vocabulary.count)
  }

  /// The tokens `<0x00>` to `<0xFF>`.
  static func byteTokens(_ vocabulary: [UTF8Key: Int]) -> [Int?] {
    (0..<256).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return vocabulary[UTF8Key("<0x\(byte < 16 ? "0" : "")\(digits)>")]
    }
  }

  private static func texts(_ vocabulary: [UTF8Key: Int]) -> [String?] {
    let size = vocabulary.values.reduce(0) { max($0, $1 + 1) }
    var texts = [String?](repeating: nil, count: size)
    for (token, id) in vocabulary { texts[id] = token.string }
    return texts
  }

  private static func vocabulary(_ fields: JSONObject) throws(HybridizeError) -> [UTF8Key: Int] {
    guard let entries = fields["vocab"]?.objectValue else {
      throw HybridizeError(.missingField, expected: "model.vocab: an object")
    }
    var vocabulary: [UTF8Key: Int] = [:]
    vocabulary.reserveCapacity(entries.count)
    var seen: Set<Int> = []
    seen.reserveCapacity(entries.count)
    let largest = largestID(of: entries.count)
    for (token, value) in entries.members {
      guard let id = value.integerValue, (0...largest).contains(id) else {
        throw HybridizeError(.wrongField, expected: "model.vocab: an id for \"\(token.prefix(40))\"", found: value.kind)
      }
      guard seen.insert(id).inserted else {
        throw HybridizeError(
          .wrongField, expected: "model.vocab: an id of its own for \"\(token.prefix(40))\"", found: "\(id)")
      }
      vocabulary[UTF8Key(token)] = id
    }
    return vocabulary
  }

  /// First, second and merged token, best rank first; as pairs, or as texts with a space between.
  private static func merges(
    _ fields: JSONObject, _ vocabulary: [UTF8Key: Int], prefix: String
  ) throws(HybridizeError) -> [(first: Int, second: Int, merged: Int)] {
    guard let list = fields["merges"]?.arrayValue else {
      throw HybridizeError(.missingField, expected: "model.merges: an array")
    }
    var merges: [(first: Int, second: Int, merged: Int)] = []
    merges.reserveCapacity(list.count)
    for value in list {
      if let line = value.stringValue, line.hasPrefix("#version") { continue }
      let parts =
        value.arrayValue?.compactMap(\.stringValue)
        ?? value.stringValue?.split(separator: " ", omittingEmptySubsequences: false).map(String.init) ?? []
      guard parts.count == 2 else {
        throw HybridizeError(.wrongField, expected: "model.merges: pairs of tokens", found: value.kind)
      }
      // Within a word, the second one carries the prefix, which the merged one has only at its start.
      let second =
        parts[1].utf8.starts(with: prefix.utf8) ? String(parts[1].utf8.dropFirst(prefix.utf8.count)) ?? "" : parts[1]
      guard let first = vocabulary[UTF8Key(parts[0])], let other = vocabulary[UTF8Key(parts[1])],
        let merged = vocabulary[UTF8Key(parts[0] + second)]
      else {
        throw HybridizeError(
          .wrongField, expected: "model.merges: tokens of the vocabulary",
          found: String(parts.joined(separator: " ").prefix(200)))
      }
      merges.append((first, other, merged))
    }
    return merges
  }
}
