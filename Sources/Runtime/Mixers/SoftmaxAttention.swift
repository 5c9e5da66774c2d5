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
    try load(weights, model, window: nil)
  }

  /// The attention of the family over the whole context or a window.
  func load(
    _ weights: LayerWeights, _ model: ModelConfiguration, window: AttentionWindow?
  ) throws(HybridizeError) -> SoftmaxAttention {
    let names = model.architecture.tensors
    return SoftmaxAttention(
      shape: AttentionShape(
        heads: model.heads, keyValueHeads: model.keyValueHeads, headDimension: model.headDimension,
        scale: 1 / Double(model.headDimension).squareRoot(), window: window),
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
  package let shape: AttentionShape
  let normEpsilon: Double
  let query: Projection
  let key: Projection
  let value: Projection
  let output: Projection
  let queryNorm: Weight?
  let keyNorm: Weight?

  package func makeState(capacity: Int, memory: StateMemory) -> KeyValueCache {
    KeyValueCache(shape, capacity: capacity, memory: memory)
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
      let mixed = workspace.tensor(like: q)
      for call in calls(context.sequences, states) {
        let caches = call.map { piece in
          let row = piece.state.makeRoom(for: piece.rows.count, after: piece.position, backend)
          backend.rotate(
            k.rows(piece.rows), cosine: cosine.rows(piece.rows), sine: sine.rows(piece.rows),
            appendingTo: piece.state.keys, position: row)
          backend.appendToCache(v.rows(piece.rows), piece.state.values, position: row)
          let first = call[0].rows.lowerBound
          return SequenceCache(
            rows: piece.rows.lowerBound - first..<piece.rows.upperBound - first, position: row,
            keys: piece.state.keys, values: piece.state.values)
        }
        let rows = call[0].rows.lowerBound..<call[call.count - 1].rows.upperBound
        backend.attention(shape, query: q.rows(rows), sequences: caches, into: mixed.rows(rows))
      }
      output.apply(mixed, into: out, backend)
    }
  }

  private struct Piece {
    let rows: Range<Int>
    let position: Int
    let state: KeyValueCache
  }

  /// The sequences, all in one call of attention, but one with more rows than its window cache takes at a time by
  /// itself, in several.
  private func calls(_ sequences: [SequenceRows], _ states: [KeyValueCache]) -> [[Piece]] {
    var calls: [[Piece]] = [[]]
    for (sequence, state) in zip(sequences, states) {
      if sequence.rows.count <= state.room {
        calls[calls.count - 1].append(Piece(rows: sequence.rows, position: sequence.position, state: state))
        continue
      }
      for first in stride(from: sequence.rows.lowerBound, to: sequence.rows.upperBound, by: state.room) {
        let rows = first..<min(sequence.rows.upperBound, first + state.room)
        let position = sequence.position + first - sequence.rows.lowerBound
        calls.append([Piece(rows: rows, position: position, state: state)])
      }
      calls.append([])
    }
    return calls.filter { !$0.isEmpty }
  }
}
