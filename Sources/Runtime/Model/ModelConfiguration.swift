import HybridizeCore

/// What config.json says of a model: its family, its sizes and the mixer of every layer.
public struct ModelConfiguration: Sendable {
  /// config.json as it was read, every field in its place.
  public let source: JSONObject
  public let architecture: Architecture
  public let vocabularySize: Int
  public let hiddenSize: Int
  public let intermediateSize: Int
  public let heads: Int
  public let keyValueHeads: Int
  public let headDimension: Int
  /// Positions that the model was made for.
  public let contextLength: Int
  public let normEpsilon: Double
  public let rotary: RotaryEmbedding
  /// The head is the embedding.
  public let tiedHead: Bool
  public let queryKeyValueBias: Bool
  public let outputBias: Bool
  public let feedForwardBias: Bool
  public let queryKeyNorm: Bool
  /// The mixer of each layer, first layer first.
  public let mixers: [any MixerSpecification]
  /// Tokens that end a text; see also `ModelDirectory.endTokens`.
  public let endTokens: [Int]

  public var layerCount: Int { mixers.count }

  /// Layers that stay softmax attention.
  public var keptLayers: [Int] { mixers.indices.filter { mixers[$0].isSoftmax } }
  public var convertedLayers: [Int] { mixers.indices.filter { !mixers[$0].isSoftmax } }
}

extension ModelConfiguration {
  /// Reads config.json.
  ///
  /// - Parameter catalog: the families and mixers to choose from.
  /// - Throws: `.unsupportedArchitecture`, `.missingField`, `.wrongField`, `.unknownField`, `.wrongLayerCount`.
  public init(json source: JSONObject, catalog: Catalog = .standard) throws(HybridizeError) {
    var fields = FieldReader(source)
    let hybrid = try HybridDescription(&fields, mixers: catalog.mixers)
    let modelType = try fields.optionalString("model_type")
    let architecture = try Self.architecture(hybrid?.sourceModelType ?? modelType, of: catalog.architectures)
    try Self.check(architecture.requiredValues, &fields)

    self.source = source
    self.architecture = architecture
    vocabularySize = try fields.integer("vocab_size", in: 1...1 << 24)
    hiddenSize = try fields.integer("hidden_size", in: 1...1 << 20)
    intermediateSize = try fields.integer("intermediate_size", in: 1...1 << 22)
    heads = try fields.integer("num_attention_heads", in: 1...1 << 14)
    keyValueHeads = try fields.optionalInteger("num_key_value_heads", in: 1...1 << 14) ?? heads
    guard heads % keyValueHeads == 0 else { throw fields.wrong("num_key_value_heads", "a divisor of \(heads)") }
    headDimension = try Self.headDimension(&fields, hiddenSize: hiddenSize, heads: heads)
    contextLength = try fields.integer("max_position_embeddings", in: 1...1 << 30)
    normEpsilon = try fields.double("rms_norm_eps", in: 0...1)
    rotary = try RotaryEmbedding(&fields, headDimension: headDimension)
    tiedHead = try fields.optionalBool("tie_word_embeddings") ?? architecture.tiedByDefault
    queryKeyValueBias = try Self.resolve(architecture.queryKeyValueBias, &fields)
    outputBias = try Self.resolve(architecture.outputBias, &fields)
    feedForwardBias = try Self.resolve(architecture.feedForwardBias, &fields)
    queryKeyNorm = try Self.resolve(architecture.queryKeyNorm, &fields)
    endTokens = try Self.endTokens(&fields)
    mixers = try Self.mixers(&fields, hybrid)
    fields.accept(Self.harmlessFields)
    try fields.finish()
    for mixer in mixers {
      let divisor = mixer.keyValueHeads(self)
      guard heads % divisor == 0 else {
        throw HybridizeError(
          .wrongField, expected: "keyValueHeads: a divisor of \(heads) heads", found: "\(divisor)")
      }
    }
  }

  private static func architecture(
    _ modelType: String?, of all: [Architecture]
  ) throws(HybridizeError) -> Architecture {
    if let modelType, let found = all.first(where: { $0.modelTypes.contains(modelType) }) { return found }
    throw HybridizeError(
      .unsupportedArchitecture,
      expected: "model_type one of " + all.flatMap(\.modelTypes).joined(separator: ", "),
      found: modelType.map { "model_type \($0)" } ?? "no model_type")
  }

  private static func check(
    _ required: [String: JSONValue], _ fields: inout FieldReader
  ) throws(HybridizeError) {
    for (name, value) in required.sorted(by: { $0.key < $1.key }) {
      let found = fields.value(name)
      guard found.map({ $0 == value }) ?? (!value.isNull || fields.isNull(name)) else {
        throw fields.wrong(name, JSONWriter.compact(value) + ", the only value that is computed here")
      }
    }
  }

  private static func headDimension(
    _ fields: inout FieldReader, hiddenSize: Int, heads: Int
  ) throws(HybridizeError) -> Int {
    if let given = try fields.optionalInteger("head_dim", in: 2...1 << 14) {
      guard given % 2 == 0 else { throw fields.wrong("head_dim", "an even number") }
      return given
    }
    guard hiddenSize % heads == 0, hiddenSize / heads % 2 == 0 else {
      throw fields.wrong("hidden_size", "an even multiple of \(heads) heads, or a head_dim")
    }
    return hiddenSize / heads
  }

  private static func resolve(
    _ option: Architecture.Option, _ fields: inout FieldReader
  ) throws(HybridizeError) -> Bool {
    switch option {
    case .always: true
    case .never: false
    case .configured(let field): try fields.optionalBool(field) ?? false
    }
  }

  static func endTokens(_ fields: inout FieldReader) throws(HybridizeError) -> [Int] {
    guard let value = fields.value("eos_token_id") else { return [] }
    let values = value.arrayValue ?? [value]
    let tokens = values.compactMap(\.integerValue)
    guard tokens.count == values.count else { throw fields.wrong("eos_token_id", "token ids") }
    return tokens
  }

  private static func mixers(
    _ fields: inout FieldReader, _ hybrid: HybridDescription?
  ) throws(HybridizeError) -> [any MixerSpecification] {
    let count = try fields.integer("num_hidden_layers", in: 1...10_000)
    let types = fields.has("layer_types") ? try fields.strings("layer_types") : nil
    fields.accept(["layer_types"])
    if let types, types.count != count {
      throw HybridizeError(.wrongLayerCount, expected: "\(count) layer_types", found: "\(types.count)")
    }
    guard let hybrid else {
      if let other = types?.first(where: { $0 != SoftmaxAttentionSpecification.layerType }) {
        throw HybridizeError(
          .wrongField, expected: "layer_types of \(SoftmaxAttentionSpecification.layerType)", found: other)
      }
      return Array(repeating: SoftmaxAttentionSpecification(), count: count)
    }
    guard hybrid.mixers.count == count else {
      throw HybridizeError(.wrongLayerCount, expected: "\(count) layers", found: "\(hybrid.mixers.count)")
    }
    if let types, types != hybrid.mixers.map({ type(of: $0).layerType }) {
      throw HybridizeError(
        .wrongField, expected: "layer_types that agree with hybridize.layers", found: types.joined(separator: ", "))
    }
    return hybrid.mixers
  }

  /// Fields that configurations carry and that do not change what the model computes.
  private static let harmlessFields = [
    "_attn_implementation_autoset", "_commit_hash", "_name_or_path", "add_cross_attention", "architectures",
    "attention_dropout", "auto_map", "bad_words_ids", "bos_token_id", "chunk_size_feed_forward", "dtype",
    "hidden_dropout", "id2label", "initializer_range", "is_decoder", "is_encoder_decoder", "is_llama_config",
    "label2id", "max_window_layers", "model_type", "num_labels", "output_attentions", "output_hidden_states",
    "pad_token_id", "problem_type", "resid_pdrop", "return_dict", "sliding_window", "task_specific_params",
    "tie_encoder_decoder", "tokenizer_class", "torch_dtype", "transformers.js_config", "transformers_version",
    "unk_token_id", "use_cache",
  ]
}

extension Problem {
  public static let unsupportedArchitecture = Problem(
    "unsupportedArchitecture", .inputFile, "the architecture is not supported")
  public static let wrongLayerCount = Problem("wrongLayerCount", .inputFile, "the number of layers does not agree")
}
