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

  package func makeState(capacity: Int, memory: StateMemory) -> KeyValueCache {
    KeyValueCache(
      heads: shape.keyValueHeads, headDimension: shape.headDimension, capacity: capacity, memory: memory)
  }

  package func mix(_ x: Tensor, states: [KeyValueCache], context: MixingContext, into out: Tensor) {
    let backend = context.backend
    let workspace = context.workspace
    workspace.scope {
      let q = workspace.tensor(rows: x.rows, columns: query.outputs)
      let k = workspace.tensor(rows: x.rows, columns: key.outputs)
      let v = workspace.tensor(rows: x.rows, columns: value.outputs)
      [query, key, value].apply(x, into: [q, k, v], backend)
      if let queryNorm { backend.rmsNorm(q, gain: queryNorm, epsilon: normEpsilon, into: q) }
      if let keyNorm { backend.rmsNorm(k, gain: keyNorm, epsilon: normEpsilon, into: k) }
      let (cosine, sine) = (context.angles.cosine, context.angles.sine)
      backend.rotate(q, headDimension: shape.headDimension, cosine: cosine, sine: sine)
      var caches: [SequenceCache] = []
      for (sequence, state) in zip(context.sequences, states) {
        backend.rotate(
          k.rows(sequence.rows), cosine: cosine.rows(sequence.rows), sine: sine.rows(sequence.rows),
          appendingTo: state.keys, position: sequence.position)
        backend.appendToCache(v.rows(sequence.rows), state.values, position: sequence.position)
        caches.append(
          SequenceCache(rows: sequence.rows, position: sequence.position, keys: state.keys, values: state.values))
      }
      let mixed = workspace.tensor(like: q)
      backend.attention(shape, query: q, sequences: caches, into: mixed)
      output.apply(mixed, into: out, backend)
    }
  }
}

/// Keys and values of the tokens seen.
package final class KeyValueCache: MixerState {
  let keys: CacheTensor
  let values: CacheTensor
  private let elementBytes: Int

  init(heads: Int, headDimension: Int, capacity: Int, memory: StateMemory) {
    func cache() -> CacheTensor {
      memory.backend.makeCache(
        heads: heads, capacity: capacity, headDimension: headDimension, type: memory.cacheType)
    }
    keys = cache()
    values = cache()
    elementBytes = memory.cacheElementBytes
  }

  package func byteCount(tokens: Int) -> Int { 2 * keys.heads * keys.headDimension * tokens * elementBytes }

  package func fork(tokens: Int, memory: StateMemory) -> KeyValueCache {
    let copy = KeyValueCache(
      heads: keys.heads, headDimension: keys.headDimension, capacity: keys.capacity, memory: memory)
    memory.backend.copy(keys, rows: 0..<tokens, to: copy.keys, at: 0)
    memory.backend.copy(values, rows: 0..<tokens, to: copy.values, at: 0)
    return copy
  }
}
