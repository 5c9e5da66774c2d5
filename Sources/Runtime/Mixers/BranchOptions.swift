import HybridizeCore

/// What the options of linear mixers have in common: query, key and value on their ways to the recurrence.
struct BranchOptions {
  /// What `q_norm` and `k_norm` are.
  enum Norm {
    case none
    /// Scales channels.
    case gain
    /// An RMSNorm with the model's epsilon.
    case rms
  }

  let rotary: Bool
  let convolution: Int
  let qkvBias: Bool
  let activation: Bool
  let norm: Norm
  /// Query and key of length one.
  let unitLength: Bool
  let keyValueHeads: Int

  /// Of the projections, convolutions and norms, below the layer's prefix.
  func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    let queryWidth = model.heads * model.headDimension
    let keyWidth = keyValueHeads * model.headDimension
    var tensors: [TensorRequirement] = []
    for (part, width) in [("q", queryWidth), ("k", keyWidth), ("v", keyWidth)] {
      tensors.append(TensorRequirement("linear_attn.\(part)_proj.weight", [width, model.hiddenSize]))
      if qkvBias { tensors.append(TensorRequirement("linear_attn.\(part)_proj.bias", [width])) }
      if convolution > 0 {
        tensors.append(TensorRequirement("linear_attn.\(part)_conv1d.weight", [width, 1, convolution]))
      }
    }
    if norm != .none {
      tensors.append(TensorRequirement("linear_attn.q_norm.weight", [model.headDimension]))
      tensors.append(TensorRequirement("linear_attn.k_norm.weight", [model.headDimension]))
    }
    return tensors
  }

  /// Of the recurrent state and the inputs that convolutions remember.
  func memory(_ model: ModelConfiguration) -> MixerMemory {
    let state = model.heads * model.headDimension * model.headDimension
    let channels = (model.heads + 2 * keyValueHeads) * model.headDimension
    return MixerMemory(elementsPerToken: 0, fixedElements: state + max(0, convolution - 1) * channels)
  }

  /// For every element of the state the decay, and twice each the products with key, query and, by the delta rule, what
  /// the state holds for the key; convolutions.
  func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>, isDelta: Bool) -> Int {
    let channels = (model.heads + 2 * keyValueHeads) * model.headDimension
    let state = model.heads * model.headDimension * model.headDimension
    return ((isDelta ? 7 : 5) * state + 2 * convolution * channels) * positions.count
  }

  func load(
    _ weights: LayerWeights, _ model: ModelConfiguration
  ) throws(HybridizeError) -> (query: RecurrenceBranch, key: RecurrenceBranch, value: RecurrenceBranch) {
    func branch(_ part: String) throws(HybridizeError) -> RecurrenceBranch {
      let isValue = part == "v"
      var headNorm: RecurrenceBranch.HeadNorm?
      if !isValue, norm != .none {
        let weight = try weights.weight("linear_attn.\(part)_norm.weight")
        headNorm = norm == .gain ? .gain(weight) : .rms(weight, epsilon: model.normEpsilon)
      }
      return RecurrenceBranch(
        projection: try weights.projection("linear_attn.\(part)_proj", bias: qkvBias),
        convolution: convolution > 0 ? try weights.weight("linear_attn.\(part)_conv1d.weight") : nil,
        activation: activation, norm: headNorm, rotary: rotary && !isValue, unitLength: unitLength && !isValue)
    }
    return (try branch("q"), try branch("k"), try branch("v"))
  }
}

extension FieldReader {
  /// The heads of key and value that every linear mixer's options name.
  mutating func keyValueHeads() throws(HybridizeError) -> Int { try integer("keyValueHeads", in: 1...1 << 14) }

  /// The kernel of a mixer's convolutions; a kernel of one has no state and is not a convolution.
  mutating func optionalConvolution() throws(HybridizeError) -> Int? {
    let kernel = try optionalInteger("convolution", in: 0...64)
    guard kernel != 1 else { throw wrong("convolution", "0 or a kernel of at least 2") }
    return kernel
  }

  /// The inner width of a projection in two steps.
  mutating func rank(_ name: String) throws(HybridizeError) -> Int { try integer(name, in: 1...1 << 14) }
}

extension LayerWeights {
  /// `NAME.0` and `NAME.1`, the second with a bias if asked for.
  func lowRankProjection(_ name: String, bias: Bool) throws(HybridizeError) -> LowRankProjection {
    LowRankProjection(try projection(name + ".0", bias: false), try projection(name + ".1", bias: bias))
  }
}
