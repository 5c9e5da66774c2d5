import HybridizeCore

/// tokenizer.json, read and checked: nothing that would change ids is skipped over.
struct TokenizerFile {
  let vocabulary: [UTF8Key: Int]
  /// First, second and merged token, best rank first.
  let merges: [(first: Int, second: Int, merged: Int)]
  let addedTokens: [AddedTokens.Token]
  let splitsDigits: Bool
  let pattern: SplitPattern
  let ignoresMerges: Bool
  /// One more than the largest id.
  let size: Int

  /// Ids above this would make tables that no vocabulary justifies.
  private static let largestID = 1 << 24

  init(_ value: JSONValue) throws(HybridizeError) {
    guard let root = value.objectValue else {
      throw HybridizeError(.wrongField, expected: "an object", found: value.kind)
    }
    for field in ["normalizer", "truncation", "padding"] {
      if let value = root[field], !value.isNull { throw Self.unsupported(field, value, "null") }
    }
    guard let model = root["model"]?.objectValue else {
      throw HybridizeError(.missingField, expected: "model: an object")
    }
    try Self.checkModel(model)
    ignoresMerges = model["ignore_merges"]?.boolValue ?? false
    vocabulary = try Self.vocabulary(model)
    merges = try Self.merges(model, vocabulary)
    addedTokens = try Self.addedTokens(root["added_tokens"]?.arrayValue ?? [], vocabulary)
    (splitsDigits, pattern) = try Self.preTokenizer(root["pre_tokenizer"])
    try Self.checkDecoder(root["decoder"])
    size = (Array(vocabulary.values) + addedTokens.map(\.id)).reduce(0) { max($0, $1 + 1) }
  }

  private static func unsupported(_ field: String, _ found: JSONValue, _ expected: String) -> HybridizeError {
    let text = found.objectValue?["type"]?.stringValue ?? String(JSONWriter.compact(found).prefix(200))
    return HybridizeError(.tokenizerUnsupported, expected: "\(field): \(expected)", found: text)
  }

  private static func checkModel(_ model: JSONObject) throws(HybridizeError) {
    guard model["type"]?.stringValue ?? "BPE" == "BPE" else {
      throw unsupported("model.type", model["type"] ?? .null, "BPE")
    }
    for field in ["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"] {
      if let value = model[field], !value.isNull, value.stringValue != "" {
        throw unsupported("model.\(field)", value, "none")
      }
    }
    if let fallback = model["byte_fallback"], fallback.boolValue == true {
      throw unsupported("model.byte_fallback", fallback, "false")
    }
  }

  private static func vocabulary(_ model: JSONObject) throws(HybridizeError) -> [UTF8Key: Int] {
    guard let entries = model["vocab"]?.objectValue else {
      throw HybridizeError(.missingField, expected: "model.vocab: an object")
    }
    var vocabulary: [UTF8Key: Int] = [:]
    vocabulary.reserveCapacity(entries.count)
    var seen: Set<Int> = []
    for (token, value) in entries.members {
      guard let id = value.integerValue, (0...largestID).contains(id) else {
        throw HybridizeError(.wrongField, expected: "model.vocab: an id for \"\(token)\"", found: value.kind)
      }
      guard seen.insert(id).inserted else {
        throw HybridizeError(.wrongField, expected: "model.vocab: an id of its own for \"\(token)\"", found: "\(id)")
      }
      vocabulary[UTF8Key(token)] = id
    }
    return vocabulary
  }

  private static func merges(
    _ model: JSONObject, _ vocabulary: [UTF8Key: Int]
  ) throws(HybridizeError) -> [(first: Int, second: Int, merged: Int)] {
    guard let list = model["merges"]?.arrayValue else {
      throw HybridizeError(.missingField, expected: "model.merges: an array")
    }
    var merges: [(first: Int, second: Int, merged: Int)] = []
    merges.reserveCapacity(list.count)
    for value in list {
      let parts =
        value.arrayValue?.compactMap(\.stringValue)
        ?? value.stringValue?.split(separator: " ", omittingEmptySubsequences: false).map(String.init) ?? []
      guard parts.count == 2 else {
        throw HybridizeError(.wrongField, expected: "model.merges: pairs of tokens", found: value.kind)
      }
      guard let first = vocabulary[UTF8Key(parts[0])], let second = vocabulary[UTF8Key(parts[1])],
        let merged = vocabulary[UTF8Key(parts[0] + parts[1])]
      else {
        throw HybridizeError(
          .wrongField, expected: "model.merges: tokens of the vocabulary", found: parts.joined(separator: " "))
      }
      merges.append((first, second, merged))
    }
    return merges
  }

  /// A token of the vocabulary keeps its id, others are numbered after it: so does the package that reads these files,
  /// whatever they say, and a file that says something else has no ids to rely on.
  private static func addedTokens(
    _ list: [JSONValue], _ vocabulary: [UTF8Key: Int]
  ) throws(HybridizeError) -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    var ids = vocabulary
    for value in list {
      guard let token = value.objectValue, let text = token["content"]?.stringValue, !text.isEmpty,
        let id = token["id"]?.integerValue, (0...largestID).contains(id)
      else { throw HybridizeError(.wrongField, expected: "added_tokens: objects with id and content") }
      if token["single_word"]?.boolValue == true {
        throw HybridizeError(
          .tokenizerUnsupported, expected: "added_tokens: single_word false", found: "true for \(text)")
      }
      let numbered = ids[UTF8Key(text)] ?? ids.count
      guard id == numbered else {
        throw HybridizeError(
          .tokenizerUnsupported, expected: "added_tokens: id \(numbered) for \(text)", found: "\(id)")
      }
      ids[UTF8Key(text)] = id
      tokens.append(
        AddedTokens.Token(
          id: id, text: Array(text.utf8), isSpecial: token["special"]?.boolValue ?? false,
          isNormalized: token["normalized"]?.boolValue ?? false, stripsLeft: token["lstrip"]?.boolValue ?? false,
          stripsRight: token["rstrip"]?.boolValue ?? false))
    }
    return tokens
  }

  /// The steps that are known: Digits one by one, a Split by a known pattern, ByteLevel last.
  private static func preTokenizer(_ value: JSONValue?) throws(HybridizeError) -> (Bool, SplitPattern) {
    let expected = "ByteLevel, alone or after Digits or Split"
    guard let object = value?.objectValue else { throw unsupported("pre_tokenizer", value ?? .null, expected) }
    let steps =
      object["type"]?.stringValue == "Sequence"
      ? (object["pretokenizers"]?.arrayValue ?? []).compactMap(\.objectValue) : [object]
    guard let last = steps.last, last["type"]?.stringValue == "ByteLevel" else {
      throw unsupported("pre_tokenizer", .object(object), expected)
    }
    if last["add_prefix_space"]?.boolValue == true {
      throw unsupported("pre_tokenizer.add_prefix_space", .bool(true), "false")
    }
    let usesPattern = last["use_regex"]?.boolValue ?? true
    guard let first = steps.first, steps.count > 1 else { return (false, usesPattern ? .gpt2 : .none) }
    guard steps.count == 2 else { throw unsupported("pre_tokenizer", .object(object), expected) }
    switch first["type"]?.stringValue {
    case "Digits" where first["individual_digits"]?.boolValue == true:
      return (true, usesPattern ? .gpt2 : .none)
    case "Split" where !usesPattern:
      guard let pattern = first["pattern"]?.objectValue?["Regex"]?.stringValue,
        first["behavior"]?.stringValue == "Isolated", first["invert"]?.boolValue != true
      else { throw unsupported("pre_tokenizer", .object(first), "Split by a regular expression, isolated") }
      return (false, try SplitPattern(regularExpression: pattern))
    default: throw unsupported("pre_tokenizer", .object(first), expected)
    }
  }

  private static func checkDecoder(_ value: JSONValue?) throws(HybridizeError) {
    guard let value, value.objectValue?["type"]?.stringValue == "ByteLevel" else {
      throw unsupported("decoder", value ?? .null, "ByteLevel")
    }
  }
}

extension Problem {
  public static let tokenizerUnsupported = Problem(
    "tokenizerUnsupported", .inputFile, "the tokenizer does something that is not computed here")
}
