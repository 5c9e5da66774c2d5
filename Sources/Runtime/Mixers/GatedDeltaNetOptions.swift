import HybridizeCore

/// What a gated DeltaNet layer is made of. The plain layer (Yang et al., "Gated Delta Networks", as
/// arXiv 2512.20569 uses it) has none of the options but the activation and the output norm.
public struct GatedDeltaNetOptions: MixerSpecification, Equatable {
  public static let name = "gated-deltanet"
  public static let layerType = "linear_attention"
  public var isSoftmax: Bool { false }

  /// Rotary positions on query and key, after the activation and before the L2 norm.
  public var rotary = false
  /// Kernel of the depthwise causal convolutions on query, key and value; 0 for none.
  public var convolution = 0
  /// A gain on every channel of query and key heads, before the rotation.
  public var qkNormGain = false
  /// Biases on query, key and value projections.
  public var qkvBias = false
  /// SiLU on query, key and value.
  public var activation = true
  /// An RMSNorm on each head of the output, before the gate.
  public var outputNorm = true
  /// Heads of key and value; each serves a group of query heads.
  public var keyValueHeads: Int

  public init(keyValueHeads: Int) { self.keyValueHeads = keyValueHeads }

  public var json: JSONObject {
    [
      "mixer": .string(Self.name), "rotary": .bool(rotary), "convolution": .integer(convolution),
      "qkNormGain": .bool(qkNormGain), "qkvBias": .bool(qkvBias), "activation": .bool(activation),
      "outputNorm": .bool(outputNorm), "keyValueHeads": .integer(keyValueHeads),
    ]
  }

  public init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    self.init(keyValueHeads: try fields.keyValueHeads())
    rotary = try fields.optionalBool("rotary") ?? rotary
    convolution = try fields.optionalConvolution() ?? convolution
    qkNormGain = try fields.optionalBool("qkNormGain") ?? qkNormGain
    qkvBias = try fields.optionalBool("qkvBias") ?? qkvBias
    activation = try fields.optionalBool("activation") ?? activation
    outputNorm = try fields.optionalBool("outputNorm") ?? outputNorm
    try fields.finish()
  }

  private var branches: BranchOptions {
    BranchOptions(
      rotary: rotary, convolution: convolution, qkvBias: qkvBias, activation: activation,
      norm: qkNormGain ? .gain : .none, unitLength: true, keyValueHeads: keyValueHeads)
  }

  public func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    let hidden = model.hiddenSize
    let width = model.heads * model.headDimension
    var tensors = branches.tensors(model)
    tensors += [
      TensorRequirement("linear_attn.g_proj.weight", [width, hidden]),
      TensorRequirement("linear_attn.a_proj.weight", [model.heads, hidden]),
      TensorRequirement("linear_attn.b_proj.weight", [model.heads, hidden]),
      TensorRequirement("linear_attn.A_log", [model.heads], keepsPrecision: true),
      TensorRequirement("linear_attn.dt_bias", [model.heads], keepsPrecision: true),
    ]
    if outputNorm { tensors.append(TensorRequirement("linear_attn.o_norm.weight", [model.headDimension])) }
    tensors.append(TensorRequirement("linear_attn.o_proj.weight", [hidden, width]))
    return tensors
  }

  public func keyValueHeads(_ model: ModelConfiguration) -> Int { keyValueHeads }

  public func memory(_ model: ModelConfiguration) -> MixerMemory { branches.memory(model) }

  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int {
    branches.mixingOperations(model, positions, isDelta: true)
  }

  public func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    let (query, key, value) = try branches.load(weights, model)
    return GatedDeltaNet(
      heads: model.heads, headDimension: model.headDimension, query: query, key: key, value: value,
      gate: try weights.projection("linear_attn.g_proj", bias: false),
      decay: try weights.projection("linear_attn.a_proj", bias: false),
      beta: try weights.projection("linear_attn.b_proj", bias: false),
      output: try weights.projection("linear_attn.o_proj", bias: false),
      logRate: try weights.weight("linear_attn.A_log"), decayBias: try weights.weight("linear_attn.dt_bias"),
      outputNorm: outputNorm ? try weights.weight("linear_attn.o_norm.weight") : nil)
  }
}
