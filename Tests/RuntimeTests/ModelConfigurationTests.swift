import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("config.json")
struct ModelConfigurationTests {
  /// One change of a good config.json, and what must come of it.
  struct Change: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let problem: Problem
    let path: [String]
    let value: JSONValue?
    /// Words that the message must have.
    let says: [String]

    init(_ name: String, _ problem: Problem, _ path: String, _ json: String?, says: String...) {
      testDescription = name
      self.problem = problem
      self.path = path.split(separator: ".").map(String.init)
      value = json.map { JSONValue($0) }
      self.says = says
    }

    func apply(to config: JSONValue) throws -> JSONObject {
      var changed = config
      changed[path] = value
      return try #require(changed.objectValue)
    }
  }

  static let required = [
    "vocab_size", "hidden_size", "intermediate_size", "num_attention_heads", "max_position_embeddings", "rms_norm_eps",
    "num_hidden_layers",
  ]

  @Test("a field that a family has no default for is missed by name", arguments: required)
  func missing(_ field: String) throws {
    let plain = Architecture(name: "plain", modelTypes: ["plain"], tensors: TensorNames())
    for value in [nil, JSONValue.null] {
      var config = try PicoModel(plain).config
      config[field] = value
      let catalog = Catalog(architectures: [plain])
      let error = expectProblem(.missingField) { try ModelConfiguration(json: config.objectValue!, catalog: catalog) }
      #expect(error?.expected?.contains(field) == true)
    }
  }

  @Test("of a built-in family it is what transformers takes it for", arguments: required)
  func defaults(_ field: String) throws {
    let expected: [String: (llama: Double, mistral: Double, qwen: Double)] = [
      "vocab_size": (32_000, 32_000, 151_936), "hidden_size": (4096, 4096, 4096),
      "intermediate_size": (11_008, 14_336, 22_016), "num_attention_heads": (32, 32, 32),
      "max_position_embeddings": (2048, 131_072, 32_768), "rms_norm_eps": (1e-6, 1e-6, 1e-6),
      "num_hidden_layers": (32, 32, 32),
    ]
    for architecture in Architecture.all {
      for value in [nil, JSONValue.null] {
        var config = try PicoModel(architecture).config
        config[field] = value
        let model = try ModelConfiguration(json: config.objectValue!)
        let values: [String: Double] = [
          "vocab_size": Double(model.vocabularySize), "hidden_size": Double(model.hiddenSize),
          "intermediate_size": Double(model.intermediateSize), "num_attention_heads": Double(model.heads),
          "max_position_embeddings": Double(model.contextLength), "rms_norm_eps": model.normEpsilon,
          "num_hidden_layers": Double(model.layerCount),
        ]
        let family = try #require(expected[field])
        let wanted = ["llama": family.llama, "mistral": family.mistral][architecture.name] ?? family.qwen
        #expect(values[field] == wanted)
      }
    }
  }

  @Test(
    "a field of the wrong type or beyond all sense is refused by name",
    arguments: required.flatMap { field in ["\"16\"", "-1", "1.5", "1e99", "true", "[16]", "{}"].map { (field, $0) } })
  func wrongType(_ field: String, _ json: String) throws {
    var config = try PicoModel().config
    config[field] = JSONValue(json)
    let error = expectProblem(.wrongField) { try ModelConfiguration(json: config.objectValue!) }
    #expect(error?.expected?.contains(field) == true)
    #expect(error?.found?.contains(field) == true)
  }

  static let changes: [Change] = [
    Change(
      "an unsupported architecture", .unsupportedArchitecture, "model_type", #""gpt2""#,
      says: "gpt2", "llama", "mistral", "qwen2", "qwen3"),
    Change("no architecture", .unsupportedArchitecture, "model_type", nil, says: "no model_type", "llama"),
    Change("an unknown field", .unknownField, "tone", "0.5", says: "tone: 0.5", "--ignore-field tone"),
    Change("another activation", .wrongField, "hidden_act", #""gelu""#, says: "silu", "gelu"),
    Change("heads that do not divide", .wrongField, "num_key_value_heads", "3", says: "a divisor of 4", "3"),
    Change("no heads of key and value", .wrongField, "num_key_value_heads", "0", says: "num_key_value_heads"),
    Change("an odd head", .wrongField, "head_dim", "5", says: "an even number", "head_dim: 5"),
    Change("a hidden size that heads do not divide", .wrongField, "head_dim", nil, says: "hidden_size: 18"),
    Change("a tied head in words", .wrongField, "tie_word_embeddings", #""yes""#, says: "true or false"),
    Change("a bias that is a number", .wrongField, "attention_bias", "1", says: "attention_bias"),
    Change("an end token in words", .wrongField, "eos_token_id", #""</s>""#, says: "eos_token_id"),
    Change("end tokens half in words", .wrongField, "eos_token_id", #"[1, "x"]"#, says: "eos_token_id"),
    Change("too few layer types", .wrongLayerCount, "layer_types", #"["full_attention"]"#, says: "2", "1"),
    Change(
      "layers of another type", .wrongField, "layer_types", #"["full_attention", "sliding_attention"]"#,
      says: "sliding_attention"),
    Change("layer types that are numbers", .wrongField, "layer_types", "[1, 2]", says: "layer_types"),
    Change("layer types in a word", .wrongField, "layer_types", #""full_attention""#, says: "layer_types"),
  ]

  @Test("a configuration that is not computed here is refused, with what it says", arguments: changes)
  func refused(_ change: Change) throws {
    // A hidden size of 18 has no even heads of its own.
    let config = try PicoModel(fields: ["hidden_size": .integer(18)]).config
    try expectRefusal(change, of: config)
  }

  private func expectRefusal(_ change: Change, of config: JSONValue) throws {
    let object = try change.apply(to: config)
    let error = try #require(expectProblem(change.problem) { try ModelConfiguration(json: object) })
    #expect(error.category == .inputFile)
    let text = ErrorText.render(error)
    for word in change.says { #expect(text.contains(word), "\(word) in: \(text)") }
  }

  @Test("fields that change nothing are accepted, absent ones have the family's defaults")
  func accepted() throws {
    var config = try PicoModel().config
    config["torch_dtype"] = .string("bfloat16")
    config["layer_types"] = JSONValue(#"["full_attention", "full_attention"]"#)
    for field in ["num_key_value_heads", "tie_word_embeddings", "eos_token_id", "attention_bias", "head_dim"] {
      config[field] = nil
    }
    let model = try ModelConfiguration(json: config.objectValue!)
    #expect(model.keyValueHeads == 4 && model.headDimension == 4)
    #expect(!model.tiedHead && model.endTokens.isEmpty && !model.queryKeyValueBias)
  }

  // MARK: Converted models

  static let hybridChanges: [Change] = [
    Change("no description", .missingField, "hybridize", nil, says: "hybridize"),
    Change("a description that is no object", .wrongField, "hybridize", "[]", says: "hybridize"),
    Change("no version", .missingField, "hybridize.version", nil, says: "version"),
    Change("a newer version", .wrongField, "hybridize.version", "2", says: "newer Hybridize", "version: 2"),
    Change("version zero", .wrongField, "hybridize.version", "0", says: "version"),
    Change("no source", .missingField, "hybridize.source", nil, says: "source"),
    Change("no source architecture", .missingField, "hybridize.source.model_type", nil, says: "model_type"),
    Change(
      "an unsupported source architecture", .unsupportedArchitecture, "hybridize.source.model_type", #""bert""#,
      says: "bert", "llama"),
    Change("something unknown of the source", .unknownField, "hybridize.source.revision", "1", says: "revision"),
    Change("something unknown", .unknownField, "hybridize.author", "1", says: "author"),
    Change("no layers", .missingField, "hybridize.layers", nil, says: "layers"),
    Change("layers that are no list", .wrongField, "hybridize.layers", "{}", says: "layers"),
    Change("a layer too few", .wrongLayerCount, "hybridize.layers.1", nil, says: "2", "1"),
    Change("a layer that is no object", .wrongField, "hybridize.layers.1", "1", says: "layers[1]"),
    Change("a layer without a mixer", .missingField, "hybridize.layers.0.mixer", nil, says: "mixer"),
    Change(
      "an unknown mixer", .unknownMixer, "hybridize.layers.0.mixer", #""mamba""#,
      says: "mamba", "softmax-attention", "gated-deltanet", "gated-linear-attention", "kimi-delta-attention"),
    Change("an unknown option", .unknownField, "hybridize.layers.0.gate", "1", says: "gate"),
    Change("an option for softmax attention", .unknownField, "hybridize.layers.1.rotary", "true", says: "rotary"),
    Change("an option of the wrong type", .wrongField, "hybridize.layers.0.rotary", "1", says: "rotary"),
    Change("a convolution of one", .wrongField, "hybridize.layers.0.convolution", "1", says: "convolution"),
    Change("no heads", .missingField, "hybridize.layers.0.keyValueHeads", nil, says: "keyValueHeads"),
    Change("heads that do not divide", .wrongField, "hybridize.layers.0.keyValueHeads", "3", says: "a divisor of 4"),
    Change(
      "layer types that disagree", .wrongField, "layer_types", #"["full_attention", "linear_attention"]"#,
      says: "layer_types"),
  ]

  private func hybrid() throws -> JSONValue {
    var config = try PicoModel(mixers: [GatedDeltaNetOptions(keyValueHeads: 2), SoftmaxAttentionSpecification()]).config
    config["layer_types"] = JSONValue(#"["linear_attention", "full_attention"]"#)
    return config
  }

  @Test("a converted model's description that is broken is refused, with what it says", arguments: hybridChanges)
  func hybridRefused(_ change: Change) throws {
    try expectRefusal(change, of: try hybrid())
  }

  @Test("a converted model's description is read as it was written")
  func hybridAccepted() throws {
    let model = try ModelConfiguration(json: try hybrid().objectValue!)
    #expect(model.convertedLayers == [0] && model.keptLayers == [1])
    #expect(model.mixers[0] as? GatedDeltaNetOptions == GatedDeltaNetOptions(keyValueHeads: 2))
    #expect(model.architecture == .llama)
  }
}
