import HybridizeCore

/// tokenizer.json, read and checked: nothing that would change ids is skipped over.
///
/// Truncation and padding are for batches of fixed length and are left out, as they are by those who load such a file for
/// a language model.
enum TokenizerFile {
  /// Ids above this would make tables that so many tokens do not justify.
  static func largestID(of count: Int) -> Int { min(16 * count + 1 << 16, 1 << 24) }

  /// - Throws: `.missingField`, `.wrongField`, `.tokenizerUnsupported`.
  static func definition(_ value: JSONValue) throws(HybridizeError) -> TokenizerDefinition {
    guard let root = value.objectValue else {
      throw HybridizeError(.wrongField, expected: "an object", found: value.kind)
    }
    guard let fields = root["model"]?.objectValue else {
      throw HybridizeError(.missingField, expected: "model: an object")
    }
    let normalizer = try normalizer(root["normalizer"])
    var steps = try preTokenizer(root["pre_tokenizer"])
    let model: ModelFile
    switch try modelType(fields) {
    case "BPE": model = try bytePairs(fields, &steps)
    case "Unigram": model = try unigram(fields)
    case let type: throw unsupported("model.type", .string(type), "BPE or Unigram")
    }
    var definition = TokenizerDefinition(normalizer: normalizer, steps: steps, model: model.model, texts: model.texts)
    definition.decoder = try decoder(root["decoder"])
    let frame = try postProcessor(root["post_processor"])
    let list = root["added_tokens"]?.arrayValue ?? []
    try addTokens(list, vocabulary: model.vocabulary, count: model.count, to: &definition)
    for id in frame.prefix + frame.suffix where !(0..<definition.texts.count).contains(id) {
      throw HybridizeError(
        .wrongField, expected: "post_processor: ids below \(definition.texts.count)", found: "\(id)")
    }
    (definition.prefix, definition.suffix) = frame
    return definition
  }

  /// What the section `model` makes.
  struct ModelFile {
    let model: any WordModel
    let texts: [String?]
    /// Ids by text.
    let vocabulary: [UTF8Key: Int]
    /// Tokens in the vocabulary, which is not the largest id if there are holes.
    let count: Int
  }

  static func unsupported(_ field: String, _ found: JSONValue, _ expected: String) -> HybridizeError {
    let text = found.objectValue?["type"]?.stringValue ?? String(JSONWriter.compact(found).prefix(200))
    return HybridizeError(
      .tokenizerUnsupported, expected: "\(field): \(expected)", found: text,
      remedy: "give token ids instead of text where a command takes them, or tell us about the model")
  }

  private static func modelType(_ fields: JSONObject) throws(HybridizeError) -> String {
    if let type = fields["type"]?.stringValue { return type }
    // Older files do not name it.
    return fields["merges"] != nil ? "BPE" : fields["unk_id"] != nil ? "Unigram" : "none"
  }

  /// Numbers and places tokens as the package `tokenizers` does: one that the vocabulary has keeps its id, others follow it in
  /// order, whatever the file says.
  static func addTokens(
    _ list: [JSONValue], vocabulary: [UTF8Key: Int], count: Int, to definition: inout TokenizerDefinition
  ) throws(HybridizeError) {
    var ids: [UTF8Key: Int] = [:]
    var tokens: [Int: AddedTokens.Token] = [:]
    var order: [Int] = []
    var next = count
    for value in list {
      guard let fields = value.objectValue, let text = fields["content"]?.stringValue,
        let id = fields["id"]?.integerValue, id >= 0
      else { throw HybridizeError(.wrongField, expected: "added_tokens: objects with id and content") }
      guard !text.isEmpty else { continue }
      let key = UTF8Key(text)
      var token = AddedTokens.Token(id: next, text: Array(text.utf8))
      if let known = ids[key] ?? vocabulary[key] { token.id = known } else { next += 1 }
      if token.id != id {
        definition.warnings.append(
          "added_tokens: \"\(text.prefix(40))\" has id \(token.id), as the package tokenizers numbers it, not \(id)")
      }
      token.isSpecial = fields["special"]?.boolValue ?? false
      token.isNormalized = fields["normalized"]?.boolValue ?? !token.isSpecial
      token.isSingleWord = fields["single_word"]?.boolValue ?? false
      token.stripsLeft = fields["lstrip"]?.boolValue ?? false
      token.stripsRight = fields["rstrip"]?.boolValue ?? false
      ids[key] = token.id
      if tokens.updateValue(token, forKey: token.id) == nil { order.append(token.id) }
    }
    definition.addedTokens = order.compactMap { tokens[$0] }
    let size = order.reduce(definition.texts.count) { max($0, $1 + 1) }
    definition.texts += Array(repeating: nil, count: size - definition.texts.count)
    for token in definition.addedTokens { definition.texts[token.id] = String(decoding: token.text, as: UTF8.self) }
  }
}

extension Problem {
  public static let tokenizerUnsupported = Problem(
    "tokenizerUnsupported", .inputFile, "the tokenizer does something that is not computed here")
}
