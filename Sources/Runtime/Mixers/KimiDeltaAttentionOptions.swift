import HybridizeCore

/// What a Kimi delta attention layer is made of. The plain layer ("Kimi Linear", arXiv 2510.26692) has convolutions of
/// kernel 4 and none of the other options.
///
/// Tensors have FLA's names.
public struct KimiDeltaAttentionOptions: MixerSpecification, Equatable {
  public static let name = "kimi-delta-attention"
  public static let layerType = "linear_attention"
  public var isSoftmax: Bool { false }

  /// Rotary positions on query and key, after the activation and before the L2 norm.
  public var rotary = false
  /// Kernel of the depthwise causal convolutions on query, key and value; 0 for none.
  public var convolution = 4
  /// A gain on every channel of query and key heads, before the rotation.
  public var qkNormGain = false
  /// Biases on query, key and value projections.
  public var qkvBias = false
  /// Heads of key and value; each serves a group of query heads.
  public var keyValueHeads: Int
  /// Channels between the two projections of the decay; published layers have the head dimension.
  public var decayRank: Int
  /// Channels between the two projections of the output gate; published layers have the head dimension.
  public var gateRank: Int
  /// The least log decay of a token, -5 in published layers that have one: decays are then a sigmoid between it and 0.
  public var decayBound: Double?

  public init(keyValueHeads: Int, decayRank: Int, gateRank: Int) {
    self.keyValueHeads = keyValueHeads
    self.decayRank = decayRank
    self.gateRank = gateRank
  }

  public var json: JSONObject {
    [
      "mixer": .string(Self.name), "rotary": .bool(rotary), "convolution": .integer(convolution),
      "qkNormGain": .bool(qkNormGain), "qkvBias": .bool(qkvBias), "keyValueHeads": .integer(keyValueHeads),
      "decayRank": .integer(decayRank), "gateRank": .integer(gateRank),
      "decayBound": decayBound.map { .double($0) } ?? .null,
    ]
  }

  public init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    self.init(
      keyValueHeads: try fields.keyValueHeads(), decayRank: try fields.rank("decayRank"),
      gateRank: try fields.rank("gateRank"))
    rotary = try fields.optionalBool("rotary") ?? rotary
    convolution = try fields.optionalConvolution() ?? convolution
    qkNormGain = try fields.optionalBool("qkNormGain") ?? qkNormGain
    qkvBias = try fields.optionalBool("qkvBias") ?? qkvBias
    decayBound = try fields.optionalDouble("decayBound", in: -100 ... -1)
    try fields.finish()
  }

  private var branches: BranchOptions {
    BranchOptions(
      rotary: rotary, convolution: convolution, qkvBias: qkvBias, activation: true, norm: qkNormGain ? .gain : .none,
      unitLength: true, keyValueHeads: keyValueHeads)
  }

  public func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    let hidden = model.hiddenSize
    let width = model.heads * model.headDimension
    return branches.tensors(model) + [
      TensorRequirement("linear_attn.f_proj.0.weight", [decayRank, hidden]),
      TensorRequirement("linear_attn.f_proj.1.weight", [width, decayRank]),
      TensorRequirement("linear_attn.b_proj.weight", [model.heads, hidden]),
      TensorRequirement("linear_attn.A_log", [model.heads], keepsPrecision: true),
      TensorRequirement("linear_attn.dt_bias", [width], keepsPrecision: true),
      TensorRequirement("linear_attn.g_proj.0.weight", [gateRank, hidden]),
      TensorRequirement("linear_attn.g_proj.1.weight", [width, gateRank]),
      TensorRequirement("linear_attn.g_proj.1.bias", [width]),
      TensorRequirement("linear_attn.o_norm.weight", [model.headDimension]),
      TensorRequirement("linear_attn.o_proj.weight", [hidden, width]),
    ]
  }

  public func keyValueHeads(_ model: ModelConfiguration) -> Int { keyValueHeads }

  public func memory(_ model: ModelConfiguration) -> MixerMemory { branches.memory(model) }

  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int {
    branches.mixingOperations(model, positions, isDelta: true)
  }

  public func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    let (query, key, value) = try branches.load(weights, model)
    return KimiDeltaAttention(
      heads: model.heads, headDimension: model.headDimension, query: query, key: key, value: value,
      gate: try weights.lowRankProjection("linear_attn.g_proj", bias: true),
      decay: try weights.lowRankProjection("linear_attn.f_proj", bias: false), decayBound: decayBound,
      beta: try weights.projection("linear_attn.b_proj", bias: false),
      output: try weights.projection("linear_attn.o_proj", bias: false),
      logRate: try weights.weight("linear_attn.A_log"), decayBias: try weights.weight("linear_attn.dt_bias"),
      outputNorm: try weights.weight("linear_attn.o_norm.weight"))
  }
}
