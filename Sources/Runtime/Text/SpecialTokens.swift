import HybridizeCore

/// The special tokens of a tokenizer by their names, as transformers gives them to chat templates.
enum SpecialTokens {
  private static let names = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// What a class of tokenizers has where tokenizer_config.json says nothing, not even null.
  private static let defaults: [String: JSONObject] = [
    "LlamaTokenizer": ["bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"].texts,
    "Qwen2Tokenizer": ["eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"].texts,
    "GPT2Tokenizer": ["bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"].texts,
    "GPTNeoXTokenizer": [
      "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
      "pad_token": "<|padding|>",
    ].texts,
    "GemmaTokenizer": [
      "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
    ].texts,
    "CohereTokenizer": [
      "bos_token": "<BOS_TOKEN>", "eos_token": "<|END_OF_TURN_TOKEN|>", "unk_token": "<UNK>", "pad_token": "<PAD>",
      "cls_token": "<CLS>", "sep_token": "<SEP>", "mask_token": "<MASK_TOKEN>",
    ].texts,
  ]

  /// - Parameters:
  ///   - configuration: tokenizer_config.json.
  ///   - map: special_tokens_map.json, which files from before `added_tokens_decoder` have.
  static func read(_ configuration: JSONObject, map: JSONObject) -> JSONObject {
    var fields = configuration
    if configuration["added_tokens_decoder"] == nil {
      for (name, value) in map.members { fields[name] = value }
    }
    var kind = configuration["tokenizer_class"]?.stringValue ?? ""
    if kind.hasSuffix("Fast") { kind.removeLast(4) }
    for (name, value) in defaults[kind]?.members ?? [] where fields[name] == nil { fields[name] = value }
    var tokens = JSONObject()
    for name in names { tokens[name] = text(fields[name]) }
    // Others have names of the model's own: fields called *_token, and those of an object of them.
    for (name, value) in fields.members where name.hasSuffix("_token") && !names.contains(name) {
      tokens[name] = text(value)
    }
    for (name, value) in fields["extra_special_tokens"]?.objectValue?.members ?? [] { tokens[name] = text(value) }
    return tokens
  }

  /// A token is written as a text, or as an object with its `content`.
  private static func text(_ token: JSONValue?) -> JSONValue? {
    (token?.stringValue ?? token?.objectValue?["content"]?.stringValue).map { .string($0) }
  }
}

extension [String: String] {
  fileprivate var texts: JSONObject {
    var object = JSONObject()
    for (name, text) in self { object[name] = .string(text) }
    return object
  }
}
