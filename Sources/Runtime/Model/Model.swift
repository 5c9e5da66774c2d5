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
  let embedding: Weight
  package let blocks: [Block]
  let finalNorm: Weight
  let head: Weight
  private let workspace: Workspace

  /// Tokens that go through the layers together in a prefill.
  public static let prefillBlock = 512

  init(
    configuration: ModelConfiguration, backend: any Backend, embedding: Weight, blocks: [Block], finalNorm: Weight,
    head: Weight, weights: [Weight]
  ) {
    self.configuration = configuration
    self.backend = backend
    self.embedding = embedding
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.head = head
    self.weights = weights
    workspace = Workspace(backend)
  }

  /// Bytes of weights that one decode step reads.
  public var weightBytes: Int { weights.reduce(0) { $0 + $1.byteCount } }

  /// The same weights on a backend that hands its operations to the one that prepared them.
  package func running(on wrapper: any Backend) -> Model {
    Model(
      configuration: configuration, backend: wrapper, embedding: embedding, blocks: blocks, finalNorm: finalNorm,
      head: head, weights: weights)
  }

  /// A state before the first token, for at most `capacity` tokens. Memory is touched as it fills.
  public func makeState(capacity: Int) -> DecodingState {
    DecodingState(
      sessions: blocks.map { $0.mixer.session(capacity: capacity, backend: backend) }, position: 0,
      capacity: capacity)
  }

  /// An independent copy of a state.
  public func fork(_ state: DecodingState) -> DecodingState {
    DecodingState(
      sessions: state.sessions.map { $0.fork(tokens: state.position, backend: backend) },
      position: state.position, capacity: state.capacity)
  }

  /// Which rows of logits a call computes.
  public enum LogitRows: Sendable {
    case none
    case last
    case all
  }

  /// Feeds tokens through the model after those that the state has seen.
  ///
  /// - Parameter rows: which tokens' logits are computed.
  /// - Parameter receive: called with logits `[tokens, vocabularySize]` for each block of the prompt, in order; they
  ///   are valid during the call only.
  /// - Throws: `.tokenOutOfRange`, `.contextOverflow`; the state is unchanged then.
  public func forward(
    _ ids: [Int], state: DecodingState, rows: LogitRows,
    receive: (Tensor) throws(HybridizeError) -> Void = { (_) throws(HybridizeError) in }
  ) throws(HybridizeError) {
    try check(ids, state)
    var start = 0
    while start < ids.count {
      let end = min(start + Self.prefillBlock, ids.count)
      try workspace.scope { () throws(HybridizeError) in
        let x = hidden(Array(ids[start..<end]), state)
        switch rows {
        case .none: break
        case .last: if end == ids.count { try receive(logits(x.rows(x.rows - 1..<x.rows))) }
        case .all: try receive(logits(x))
        }
      }
      start = end
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
    workspace.scope {
      let last = hidden(ids, state, observe: observe)
      observe(normed(last))
    }
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

  /// The residual stream after the last layer. Advances the state.
  private func hidden(_ ids: [Int], _ state: DecodingState, observe: (Tensor) -> Void = { _ in }) -> Tensor {
    backend.begin(.embedding)
    let x = workspace.tensor(rows: ids.count, columns: configuration.hiddenSize)
    backend.embed(ids, embedding, into: x)
    observe(x)
    let positions = state.position..<state.position + ids.count
    let angles = configuration.rotary.angles(positions, backend: backend, workspace: workspace)
    let context = MixingContext(backend: backend, workspace: workspace, position: state.position, angles: angles)
    for (block, session) in zip(blocks, state.sessions) {
      block.apply(x, session: session, context: context)
      observe(x)
    }
    state.position += ids.count
    return x
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
