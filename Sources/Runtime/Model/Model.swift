import HybridizeCompute
import HybridizeCore

/// A model with its weights on a backend. Original and converted models are the same type with other mixers.
///
/// Not for use by two threads at once; the backend brings its own threads.
public final class Model {
  public let configuration: ModelConfiguration
  public let backend: any Backend
  /// What one decode step reads; an untied embedding, of which it reads one row, is not among them.
  public let weights: [Weight]
  /// How states of this model store keys and values unless they are asked to do otherwise.
  public let cacheType: CacheType
  /// What quantising has changed, if weights were quantised.
  public let quantization: QuantizationReport?
  let embedding: Weight
  package let blocks: [Block]
  let finalNorm: Weight
  let head: Weight
  private let workspace: Workspace

  /// Tokens that go through the layers together in a prefill.
  public static let prefillBlock = 512

  init(
    configuration: ModelConfiguration, backend: any Backend, embedding: Weight, blocks: [Block], finalNorm: Weight,
    head: Weight, weights: [Weight], cacheType: CacheType, quantization: QuantizationReport?
  ) {
    self.configuration = configuration
    self.backend = backend
    self.embedding = embedding
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.head = head
    self.weights = weights
    self.cacheType = cacheType
    self.quantization = quantization
    workspace = Workspace(backend)
  }

  /// Bytes of weights that one decode step reads.
  public var weightBytes: Int { weights.reduce(0) { $0 + $1.byteCount } }

  /// The same weights on a backend that hands its operations to the one that prepared them.
  package func running(on wrapper: any Backend) -> Model {
    Model(
      configuration: configuration, backend: wrapper, embedding: embedding, blocks: blocks, finalNorm: finalNorm,
      head: head, weights: weights, cacheType: cacheType, quantization: quantization)
  }

  /// A state before the first token, for at most `capacity` tokens. Memory is touched as it fills. Where the model's rotary
  /// angles depend on the length of the text, that is the capacity.
  ///
  /// - Parameter cacheType: the model's own unless given.
  public func makeState(capacity: Int, cacheType: CacheType? = nil) -> DecodingState {
    let memory = StateMemory(backend, cacheType: cacheType ?? self.cacheType)
    return DecodingState(
      sessions: blocks.map { $0.mixer.session(capacity: capacity, memory: memory) }, memory: memory, position: 0,
      capacity: capacity, length: capacity)
  }

  /// Which rows of logits a call computes.
  public enum LogitRows: Sendable {
    case none
    case last
    case all
    /// Of each sequence the tokens at these places among those of the call, in ascending order.
    case at([[Int]])

    /// The rows of a block's activations that are wanted of a piece of it.
    ///
    /// - Parameter count: tokens of its sequence in this call.
    fileprivate func rows(of piece: TokenBlock.Piece, count: Int) -> [Int] {
      switch self {
      case .none: []
      case .last: piece.tokens.upperBound == count ? [piece.rows.upperBound - 1] : []
      case .all: Array(piece.rows)
      case .at(let places):
        places[piece.sequence].filter(piece.tokens.contains).map {
          piece.rows.lowerBound + $0 - piece.tokens.lowerBound
        }
      }
    }
  }

  /// Feeds tokens through the model after those that the state has seen.
  ///
  /// - Parameter rows: which tokens' logits are computed.
  /// - Parameter receive: called with logits `[rows, vocabularySize]` for each block of the prompt that has such tokens,
  ///   in order; they are valid during the call only.
  /// - Throws: `.tokenOutOfRange`, `.contextOverflow`; the state is unchanged then.
  public func forward(
    _ ids: [Int], state: DecodingState, rows: LogitRows,
    receive: (Tensor) throws(HybridizeError) -> Void = { (_) throws(HybridizeError) in }
  ) throws(HybridizeError) {
    try forward([SequenceInput(ids, state: state)], rows: rows) { (_, logits) throws(HybridizeError) in
      try receive(logits)
    }
  }

  /// Feeds several sequences through the model at a time, each with its own tokens, any number of them: weights are
  /// read once for all. No sequence sees another, and none is padded.
  ///
  /// - Parameter receive: called with the index of a sequence and its logits, as above.
  /// - Throws: `.tokenOutOfRange`, `.contextOverflow`; all states are unchanged then.
  /// - Precondition: no two sequences share a state; `rows` asks for tokens that there are, and of as many sequences.
  public func forward(
    _ batch: [SequenceInput], rows: LogitRows,
    receive: (_ sequence: Int, _ logits: Tensor) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    precondition(Set(batch.map { ObjectIdentifier($0.state) }).count == batch.count, "two sequences share a state")
    if case .at(let places) = rows {
      precondition(places.count == batch.count, "rows of \(places.count) sequences for \(batch.count)")
      for (places, input) in zip(places, batch) { Self.check(places, of: input.ids.count) }
    }
    for input in batch { try check(input.ids, input.state) }
    for block in TokenBlock.cut(batch.map(\.ids.count), size: Self.prefillBlock) {
      try workspace.scope { () throws(HybridizeError) in
        let ids = block.pieces.flatMap { batch[$0.sequence].ids[$0.tokens] }
        let x = hidden(ids, block, block.pieces.map { batch[$0.sequence].state })
        let wanted = block.pieces.map { rows.rows(of: $0, count: batch[$0.sequence].ids.count) }
        guard wanted.contains(where: { !$0.isEmpty }) else { return }
        let logits = logits(picked(wanted.flatMap(\.self), of: x))
        var start = 0
        for (piece, rows) in zip(block.pieces, wanted) where !rows.isEmpty {
          try receive(piece.sequence, logits.rows(start..<start + rows.count))
          start += rows.count
        }
      }
    }
  }

  /// The logits of the last token, `[vocabularySize]`.
  ///
  /// - Throws: as `forward`; also `.emptyPrompt`.
  public func lastLogits(_ ids: [Int], state: DecodingState) throws(HybridizeError) -> [Float] {
    guard !ids.isEmpty else { throw HybridizeError(.emptyPrompt, expected: "at least one token") }
    var result: [Float] = []
    try forward(ids, state: state, rows: .last) { result = backend.readFloats($0) }
    return result
  }

  /// Shows the residual stream `[tokens, hiddenSize]` before the first layer and after every layer, and last the
  /// one after the final norm: `layerCount + 2` calls, each valid during the call only.
  ///
  /// - Throws: as `forward`.
  package func trace(_ ids: [Int], observe: (Tensor) -> Void) throws(HybridizeError) {
    let state = makeState(capacity: ids.count)
    try check(ids, state)
    for block in TokenBlock.cut([ids.count], size: max(ids.count, 1)) {
      workspace.scope { observe(normed(hidden(ids, block, [state], observe: observe))) }
    }
  }

  private static func check(_ places: [Int], of count: Int) {
    precondition(places.allSatisfy((0..<count).contains), "logits of a token that is not there")
    precondition(zip(places, places.dropFirst()).allSatisfy(<), "logits of tokens out of order")
  }

  private func check(_ ids: [Int], _ state: DecodingState) throws(HybridizeError) {
    if let id = ids.first(where: { $0 < 0 || $0 >= configuration.vocabularySize }) {
      throw HybridizeError(.tokenOutOfRange, expected: "0 to \(configuration.vocabularySize - 1)", found: "\(id)")
    }
    guard state.position + ids.count <= state.capacity else {
      throw HybridizeError(
        .contextOverflow, expected: "at most \(state.capacity) tokens", found: "\(state.position + ids.count)")
    }
  }

  /// The residual stream after the last layer, for the pieces of a block. Advances their states.
  private func hidden(
    _ ids: [Int], _ block: TokenBlock, _ states: [DecodingState], observe: (Tensor) -> Void = { _ in }
  ) -> Tensor {
    backend.begin(.embedding)
    let x = workspace.tensor(rows: ids.count, columns: configuration.hiddenSize)
    backend.embed(ids, embedding, into: x)
    observe(x)
    let sequences = zip(block.pieces, states).map {
      SequenceRows(rows: $0.rows, position: $1.position, length: $1.length)
    }
    let angles = configuration.rotary.angles(sequences, backend: backend, workspace: workspace)
    let context = MixingContext(backend: backend, workspace: workspace, sequences: sequences, angles: angles)
    for (layer, block) in blocks.enumerated() {
      block.apply(x, sessions: states.map { $0.sessions[layer] }, context: context)
      observe(x)
    }
    for (piece, state) in zip(block.pieces, states) { state.position += piece.tokens.count }
    return x
  }

  /// Some rows of `x`, ascending, one after the other; `x` itself where they are all of it.
  private func picked(_ rows: [Int], of x: Tensor) -> Tensor {
    guard rows.count < x.rows else { return x }
    let out = workspace.tensor(rows: rows.count, columns: x.columns)
    backend.copyRows(rows, of: x, to: out)
    return out
  }

  private func normed(_ x: Tensor) -> Tensor {
    let out = workspace.tensor(like: x)
    backend.rmsNorm(x, gain: finalNorm, epsilon: configuration.normEpsilon, into: out)
    return out
  }

  private func logits(_ x: Tensor) -> Tensor {
    backend.begin(.head)
    let out = workspace.tensor(rows: x.rows, columns: configuration.vocabularySize)
    backend.linear(normed(x), head, into: out)
    return out
  }
}

extension Problem {
  public static let tokenOutOfRange = Problem(
    "tokenOutOfRange", .argument, "a token id is not in the model's vocabulary")
  public static let contextOverflow = Problem("contextOverflow", .argument, "more tokens than there is room for")
  public static let emptyPrompt = Problem("emptyPrompt", .argument, "the prompt is empty")
}
