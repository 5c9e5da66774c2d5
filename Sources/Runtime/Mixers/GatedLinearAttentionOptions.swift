import HybridizeCore

/// What a gated linear attention layer is made of. The plain layer (Yang et al., "Gated Linear Attention Transformers",
/// arXiv 2312.06635) has none of the options.
///
/// Tensors have FLA's names. Decays are of each query head also where heads share a key; FLA shares those as well, so a
/// layer that FLA is to load has as many heads of key as of query.
public struct GatedLinearAttentionOptions: MixerSpecification, Equatable {
  public static let name = "gated-linear-attention"
  public static let layerType = "linear_attention"
  public var isSoftmax: Bool { false }

  /// Rotary positions on query and key.
  public var rotary = false
  /// Kernel of the depthwise causal convolutions on query, key and value; 0 for none.
  public var convolution = 0
  /// An RMSNorm on each head of query and key, before the rotation, as the teachers that have one compute it.
  public var qkNorm = false
  /// Biases on query, key and value projections.
  public var qkvBias = false
  /// SiLU on query, key and value.
  public var activation = false
  /// Heads of key and value; each serves a group of query heads.
  public var keyValueHeads: Int
  /// Channels between the two projections of the decay.
  public var decayRank = 16

  /// What log decays are divided by, so that they start out small.
  public static let decayDivisor = 16.0

  public init(keyValueHeads: Int) { self.keyValueHeads = keyValueHeads }

  public var json: JSONObject {
    [
      "mixer": .string(Self.name), "rotary": .bool(rotary), "convolution": .integer(convolution),
      "qkNorm": .bool(qkNorm), "qkvBias": .bool(qkvBias), "activation": .bool(activation),
      "keyValueHeads": .integer(keyValueHeads), "decayRank": .integer(decayRank),
    ]
  }

  public init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    self.init(keyValueHeads: try fields.keyValueHeads())
    rotary = try fields.optionalBool("rotary") ?? rotary
    convolution = try fields.optionalConvolution() ?? convolution
    qkNorm = try fields.optionalBool("qkNorm") ?? qkNorm
    qkvBias = try fields.optionalBool("qkvBias") ?? qkvBias
    activation = try fields.optionalBool("activation") ?? activation
    decayRank = try fields.rank("decayRank")
    try fields.finish()
  }

  private var branches: BranchOptions {
    BranchOptions(
      rotary: rotary, convolution: convolution, qkvBias: qkvBias, activation: activation,
      norm: qkNorm ? .rms : .none, unitLength: false, keyValueHeads: keyValueHeads)
  }

  public func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    let hidden = model.hiddenSize
    let width = model.heads * model.headDimension
    return branches.tensors(model) + [
      TensorRequirement("linear_attn.gk_proj.0.weight", [decayRank, hidden]),
      TensorRequirement("linear_attn.gk_proj.1.weight", [width, decayRank]),
      TensorRequirement("linear_attn.gk_proj.1.bias", [width], keepsPrecision: true),
      TensorRequirement("linear_attn.g_proj.weight", [width, hidden]),
      TensorRequirement("linear_attn.g_norm_swish_gate.weight", [model.headDimension]),
      TensorRequirement("linear_attn.o_proj.weight", [hidden, width]),
    ]
  }

  public func keyValueHeads(_ model: ModelConfiguration) -> Int { keyValueHeads }

  public func memory(_ model: ModelConfiguration) -> MixerMemory { branches.memory(model) }

  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int {
    branches.mixingOperations(model, positions, isDelta: false)
  }

  public func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    let (query, key, value) = try branches.load(weights, model)
    return GatedLinearAttention(
      heads: model.heads, headDimension: model.headDimension, query: query, key: key, value: value,
      gate: try weights.projection("linear_attn.g_proj", bias: false),
      decay: try weights.lowRankProjection("linear_attn.gk_proj", bias: true),
      output: try weights.projection("linear_attn.o_proj", bias: false),
      outputNorm: try weights.weight("linear_attn.g_norm_swish_gate.weight"))
  }
}
