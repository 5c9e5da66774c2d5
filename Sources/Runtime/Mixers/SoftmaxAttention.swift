import HybridizeCompute
import HybridizeCore

/// The teacher's attention: causal softmax over the whole context, with grouped heads, rotary positions and
/// what biases and norms the family has. Its sizes stand in the model's configuration.
public struct SoftmaxAttentionSpecification: MixerSpecification, Equatable {
  public static let name = "softmax-attention"
  public static let layerType = "full_attention"
  public var isSoftmax: Bool { true }
  public var json: JSONObject { ["mixer": .string(Self.name)] }

  public init() {}

  public init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    try fields.finish()
  }

  public func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    let names = model.architecture.tensors
    let queryWidth = model.heads * model.headDimension
    let keyWidth = model.keyValueHeads * model.headDimension
    var tensors: [TensorRequirement] = []
    for (name, width) in [(names.query, queryWidth), (names.key, keyWidth), (names.value, keyWidth)] {
      tensors.append(TensorRequirement(name + ".weight", [width, model.hiddenSize]))
      if model.queryKeyValueBias { tensors.append(TensorRequirement(name + ".bias", [width])) }
    }
    if model.queryKeyNorm {
      tensors.append(TensorRequirement(names.queryNorm, [model.headDimension]))
      tensors.append(TensorRequirement(names.keyNorm, [model.headDimension]))
    }
    tensors.append(TensorRequirement(names.output + ".weight", [model.hiddenSize, queryWidth]))
    if model.outputBias { tensors.append(TensorRequirement(names.output + ".bias", [model.hiddenSize])) }
    return tensors
  }

  public func keyValueHeads(_ model: ModelConfiguration) -> Int { model.keyValueHeads }

  public func memory(_ model: ModelConfiguration) -> MixerMemory {
    MixerMemory(elementsPerToken: 2 * model.keyValueHeads * model.headDimension, fixedElements: 0)
  }

  /// Scores and weighted sums over the keys that each token sees.
  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int {
    let keys = (positions.lowerBound + 1 + positions.upperBound) * positions.count / 2
    return 4 * model.heads * model.headDimension * keys
  }

  public func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    let names = model.architecture.tensors
    return SoftmaxAttention(
      shape: AttentionShape(
        heads: model.heads, keyValueHeads: model.keyValueHeads, headDimension: model.headDimension,
        scale: 1 / Double(model.headDimension).squareRoot()),
      normEpsilon: model.normEpsilon,
      query: try weights.projection(names.query, bias: model.queryKeyValueBias),
      key: try weights.projection(names.key, bias: model.queryKeyValueBias),
      value: try weights.projection(names.value, bias: model.queryKeyValueBias),
      output: try weights.projection(names.output, bias: model.outputBias),
      queryNorm: model.queryKeyNorm ? try weights.weight(names.queryNorm) : nil,
      keyNorm: model.queryKeyNorm ? try weights.weight(names.keyNorm) : nil)
  }
}

/// Softmax attention with its weights.
package struct SoftmaxAttention: TokenMixer {
  let shape: AttentionShape
  let normEpsilon: Double
  let query: Projection
  let key: Projection
  let value: Projection
  let output: Projection
  let queryNorm: Weight?
  let keyNorm: Weight?

  package func makeState(capacity: Int, backend: any Backend) -> KeyValueCache {
    KeyValueCache(
      heads: shape.keyValueHeads, headDimension: shape.headDimension, capacity: capacity, backend: backend)
  }

  package func prefill(_ x: Tensor, state: KeyValueCache, context: MixingContext, into out: Tensor) {
    let backend = context.backend
    let workspace = context.workspace
    workspace.scope {
      let q = workspace.tensor(rows: x.rows, columns: query.outputs)
      let k = workspace.tensor(rows: x.rows, columns: key.outputs)
      let v = workspace.tensor(rows: x.rows, columns: value.outputs)
      query.apply(x, into: q, backend)
      key.apply(x, into: k, backend)
      value.apply(x, into: v, backend)
      position(q, queryNorm, context)
      position(k, keyNorm, context)
      backend.appendToCache(k, state.keys, heads: shape.keyValueHeads, position: context.position)
      backend.appendToCache(v, state.values, heads: shape.keyValueHeads, position: context.position)
      let mixed = workspace.tensor(like: q)
      backend.attention(
        shape, query: q, keys: state.keys, values: state.values, position: context.position, into: mixed)
      output.apply(mixed, into: out, backend)
    }
  }

  private func position(_ x: Tensor, _ gain: Weight?, _ context: MixingContext) {
    if let gain { context.backend.rmsNorm(x, gain: gain, epsilon: normEpsilon, into: x) }
    context.backend.rotate(
      x, headDimension: shape.headDimension, cosine: context.angles.cosine, sine: context.angles.sine)
  }
}

/// Keys and values of the tokens seen, each `[keyValueHeads * capacity, headDimension]`, head by head.
package final class KeyValueCache: MixerState {
  let heads: Int
  let headDimension: Int
  let capacity: Int
  let keys: Tensor
  let values: Tensor
  private let elementBytes: Int

  init(heads: Int, headDimension: Int, capacity: Int, backend: any Backend) {
    self.heads = heads
    self.headDimension = headDimension
    self.capacity = capacity
    keys = backend.makeTensor(rows: heads * capacity, columns: headDimension)
    values = backend.makeTensor(rows: heads * capacity, columns: headDimension)
    elementBytes = backend.activationType.bitsPerElement / 8
  }

  package func byteCount(tokens: Int) -> Int { 2 * heads * headDimension * tokens * elementBytes }

  package func fork(tokens: Int, backend: any Backend) -> KeyValueCache {
    let copy = KeyValueCache(heads: heads, headDimension: headDimension, capacity: capacity, backend: backend)
    for head in 0..<heads {
      let used = head * capacity..<head * capacity + tokens
      backend.copy(keys.rows(used), to: copy.keys.rows(used))
      backend.copy(values.rows(used), to: copy.values.rows(used))
    }
    return copy
  }
}
