import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// What the softmax of a layer compares in some sequences: queries and keys after norms and rotation.
package struct AttentionInputs: Sendable {
  package let shape: AttentionShape
  /// `[tokens, heads * headDimension]`, row by row.
  package let queries: [Double]
  /// `[tokens, keyValueHeads * headDimension]`, row by row.
  package let keys: [Double]
  /// The rows of each sequence, one after the other.
  package let sequences: [Range<Int>]

  /// - Precondition: values for all rows of the sequences.
  package init(shape: AttentionShape, queries: [Double], keys: [Double], sequences: [Range<Int>]) {
    let rows = sequences.last?.upperBound ?? 0
    precondition(queries.count == rows * shape.heads * shape.headDimension, "\(queries.count) values of queries")
    precondition(keys.count == rows * shape.keyValueHeads * shape.headDimension, "\(keys.count) values of keys")
    self.shape = shape
    self.queries = queries
    self.keys = keys
    self.sequences = sequences
  }

  /// Where the query of a head at a row lies in `queries`.
  func queryPlace(_ row: Int, head: Int) -> Range<Int> {
    let first = (row * shape.heads + head) * shape.headDimension
    return first..<first + shape.headDimension
  }

  /// Where the key that a query head reads at a row lies in `keys`.
  func keyPlace(_ row: Int, head: Int) -> Range<Int> {
    let keyHead = head / (shape.heads / shape.keyValueHeads)
    let first = (row * shape.keyValueHeads + keyHead) * shape.headDimension
    return first..<first + shape.headDimension
  }
}

/// Lets a model read sequences and shows what the attention of some layers compares meanwhile.
package struct AttentionReader {
  private let model: Model
  private let layers: [Int]
  private let memory: PassMemory

  /// - Parameter layers: of softmax attention, ascending.
  package init(_ model: Model, layers: [Int]) {
    self.model = model
    self.layers = layers
    memory = PassMemory(model.backend)
  }

  /// Shows the inputs of every layer for some sequences at a time.
  ///
  /// - Parameters:
  ///   - progress: how many sequences have been read.
  ///   - look: gets the index of the layer among `layers`, that of the first of the sequences, and the inputs.
  /// - Throws: `.tokenOutOfRange`; `.attentionUnknown`.
  package func read(
    _ sequences: [JudgedSequence], progress: (_ sequences: Int) -> Void = { _ in },
    _ look: (_ layer: Int, _ first: Int, _ inputs: AttentionInputs) -> Void
  ) throws(HybridizeError) {
    try sequences.check(vocabulary: model.configuration.vocabularySize)
    var attentions: [SoftmaxAttention] = []
    for layer in layers {
      guard let attention = model.blocks[layer].mixer as? SoftmaxAttention else {
        throw HybridizeError(.attentionUnknown, expected: "softmax attention", found: "another mixer in layer \(layer)")
      }
      attentions.append(attention)
    }
    var done = 0
    for group in CandidateJudge.groups(sequences) {
      memory.workspace.scope { read(group, attentions) { look($0, done, $1) } }
      done += group.count
      progress(done)
    }
  }

  private func read(
    _ group: [JudgedSequence], _ attentions: [SoftmaxAttention], _ look: (_ layer: Int, AttentionInputs) -> Void
  ) {
    let layout = PassLayout(
      TokenBatch(group.map { TokenSequence(ids: $0.ids) }), isolatesDocuments: false)
    let context = memory.context(model, layout)
    let x = model.embedded(layout.ids, context)
    for (index, block) in model.blocks.prefix((layers.last ?? -1) + 1).enumerated() {
      guard let place = layers.firstIndex(of: index) else {
        block.applyWhole(x, context)
        continue
      }
      block.applyWhole(x, context) { input, _ in
        memory.workspace.scope {
          let (queries, keys) = attentions[place].queriesAndKeys(input, context: context)
          look(
            place,
            AttentionInputs(
              shape: attentions[place].shape, queries: model.backend.read(queries), keys: model.backend.read(keys),
              sequences: layout.sequences.map(\.rows)))
        }
      }
    }
  }
}

extension Problem {
  public static let attentionUnknown = Problem(
    "attentionUnknown", .argument, "what the layer's mixer attends to is not known")
}
