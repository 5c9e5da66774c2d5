import HybridizeCore

/// vocab.json and merges.txt, as older directories have them in place of a tokenizer.json.
enum VocabularyFiles {
  /// The tokenizer.json that they stand for.
  ///
  /// - Parameters:
  ///   - merges: the text of merges.txt.
  ///   - configuration: tokenizer_config.json, if there is one.
  ///   - modelType: of config.json.
  /// - Throws: `.tokenizerUnsupported` for a class of tokenizers whose steps are not known.
  static func tokenizer(
    vocabulary: JSONValue, merges: String, configuration: JSONObject?, modelType: String?
  ) throws(HybridizeError) -> JSONValue {
    var file = JSONObject()
    let name = configuration?["tokenizer_class"]?.stringValue ?? modelType ?? "gpt2"
    switch name.hasSuffix("Fast") ? String(name.dropLast(4)) : name {
    case "Qwen2Tokenizer", "qwen2", "qwen3":
      file["normalizer"] = .object(["type": .string("NFC")])
      file["pre_tokenizer"] = sequence(SplitPattern.grouped(digits: 1).expression)
    case "GPT2Tokenizer", "CodeGenTokenizer", "PreTrainedTokenizer", "gpt2", "llama", "mistral":
      let space = configuration?["add_prefix_space"]?.boolValue ?? false
      file["pre_tokenizer"] = .object([
        "type": .string("ByteLevel"), "add_prefix_space": .bool(space), "use_regex": .bool(true),
      ])
    default:
      throw HybridizeError(
        .tokenizerUnsupported, expected: "vocab.json of a GPT2Tokenizer or Qwen2Tokenizer", found: name,
        remedy: "save a tokenizer.json: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)")
    }
    file["decoder"] = .object(["type": .string("ByteLevel")])
    var lines = merges.split(whereSeparator: \.isNewline)
    if lines.first?.hasPrefix("#version") ?? false { lines.removeFirst() }
    file["model"] = .object([
      "type": .string("BPE"), "vocab": vocabulary, "merges": .array(lines.map { .string(String($0)) }),
    ])
    file["added_tokens"] = .array(addedTokens(configuration))
    return .object(file)
  }

  /// Those of `added_tokens_decoder`, in order of their ids, as tokenizer.json has them.
  static func addedTokens(_ configuration: JSONObject?) -> [JSONValue] {
    let entries = configuration?["added_tokens_decoder"]?.objectValue?.members ?? []
    let tokens = entries.compactMap { key, value -> (id: Int, fields: JSONObject)? in
      guard let id = Int(key), var fields = value.objectValue else { return nil }
      fields["id"] = .integer(id)
      return (id, fields)
    }
    return tokens.sorted { $0.id < $1.id }.map { .object($0.fields) }
  }

  private static func sequence(_ expression: String) -> JSONValue {
    .object([
      "type": .string("Sequence"),
      "pretokenizers": .array([
        .object([
          "type": .string("Split"), "pattern": .object(["Regex": .string(expression)]), "behavior": .string("Isolated"),
          "invert": .bool(false),
        ]),
        .object(["type": .string("ByteLevel"), "add_prefix_space": .bool(false), "use_regex": .bool(false)]),
      ]),
    ])
  }
}
