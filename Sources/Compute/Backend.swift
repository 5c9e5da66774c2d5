import HybridizeCore

/// Where numbers are computed: named operations on tensors of the backend's own activation type.
///
/// The caller passes the outputs; an operation never allocates what it returns. Shapes are checked by
/// `precondition`: files are checked when they are loaded, so a mismatch here is a bug of the caller. Operands
/// come from the same backend, and outputs do not overlap inputs unless an operation says that it works in
/// place. A backend is used by one thread at a time; it brings its own threads.
///
/// Shapes are written `[rows, columns]`; `heads x headDimension` are the columns of a row, head by head.
public protocol Backend: GradientOperations, MixingGradientOperations {
  /// For reports: `cpu`, `reference`.
  var name: String { get }
  /// What it runs on, for reports: instruction set, libraries.
  var details: String { get }
  /// Threads that it computes with.
  var threads: Int { get }
  /// What activations are: float32 or float64.
  var activationType: ElementType { get }

  // MARK: Memory

  /// Uninitialised memory.
  func makeTensor(rows: Int, columns: Int) -> Tensor

  /// A weight from a stored tensor of rank 1 or 2 (a vector becomes `[1, n]`), or of rank 3 with a middle of
  /// one, as convolutions are stored.
  ///
  /// The bytes may be used where they are, for as long as the weight lives.
  ///
  /// - Throws: `.unsupportedElementType`, `.wrongShape`.
  func prepare(_ tensor: StoredTensor) throws(HybridizeError) -> Weight

  /// A weight in a quantised type, and what that has changed; `nil` for one that stays as it is: a vector, or rows
  /// that are no whole blocks.
  func quantize(_ weight: Weight, as type: QuantizedType) -> (weight: Weight, error: QuantizationError)?

  /// Copies values in, row by row.
  ///
  /// - Precondition: there are as many values as elements.
  func write(_ values: [Double], to tensor: Tensor)
  /// The values, row by row.
  func read(_ tensor: Tensor) -> [Double]
  /// The values in single precision, row by row.
  func readFloats(_ tensor: Tensor) -> [Float]
  /// Sets every element.
  func fill(_ tensor: Tensor, with value: Double)
  func copy(_ source: Tensor, to target: Tensor)

  /// An uninitialised cache. Large ones cost memory as they fill.
  func makeCache(heads: Int, capacity: Int, headDimension: Int, type: CacheType) -> CacheTensor
  /// Copies the rows `range` of every head to the rows of `target` from `position` on.
  ///
  /// Within one cache, rows may move to the front over each other.
  ///
  /// - Precondition: same heads, width and type; the rows lie within both.
  func copy(_ source: CacheTensor, rows range: Range<Int>, to target: CacheTensor, at position: Int)

  /// A copy of the values in the backend's own type, `[rows, columns]`.
  func stored(_ tensor: Tensor, name: String) -> StoredTensor
  /// A copy of the first `count` rows of every head, in the type of the cache, `[heads, count, headDimension]`.
  func stored(_ cache: CacheTensor, rows count: Int, name: String) -> StoredTensor
  /// Copies back what `stored` gave.
  ///
  /// - Precondition: type and shape are those of the tensor.
  func restore(_ stored: StoredTensor, to tensor: Tensor)
  /// Copies back what `stored` gave, to the first rows of every head.
  ///
  /// - Precondition: type and shape are those of the cache, and the rows fit.
  func restore(_ stored: StoredTensor, to cache: CacheTensor)

  // MARK: Dense layers

  /// `out[i] = table[ids[i]]`; out `[ids, table.columns]`.
  ///
  /// - Precondition: every id is a row of the table.
  func embed(_ ids: [Int], _ table: Weight, into out: Tensor)
  /// `out = x weight^T`; x `[tokens, weight.columns]`, out `[tokens, weight.rows]`.
  ///
  /// With a quantised weight x may be rounded in blocks of `QuantizedType.blockSize`, each value by at most 2^-15 of the
  /// block's largest: 128 times less than what the weight was rounded by, and nothing where 16 bits hold the values.
  func linear(_ x: Tensor, _ weight: Weight, into out: Tensor)
  /// `outs[i] = x weights[i]^T`: several linear layers of one input.
  func linear(_ x: Tensor, _ weights: [Weight], into outs: [Tensor])
  /// `out += x weight^T`.
  func linear(_ x: Tensor, _ weight: Weight, addingTo out: Tensor)
  /// `out = SiLU(x gate^T) * (x up^T)`; out `[tokens, gate.rows]`.
  func swiGLU(_ x: Tensor, gate: Weight, up: Weight, into out: Tensor)
  /// `x += bias` for each row, in place.
  func addBias(_ bias: Weight, to x: Tensor)
  /// `x += y`, in place.
  func add(_ y: Tensor, to x: Tensor)

  // MARK: Norms and activations

  /// `out = x / sqrt(mean(x^2) + epsilon) * gain` over groups of `gain.columns` columns: the whole row for a
  /// block's norm, one head for the norm of a mixer. May work in place.
  func rmsNorm(_ x: Tensor, gain: Weight, epsilon: Double, into out: Tensor)
  /// `x = x / sqrt(sum(x^2) + epsilon)` over groups of `groupSize` columns, in place.
  func l2Normalize(_ x: Tensor, groupSize: Int, epsilon: Double)
  /// `x = x sigmoid(x)`, in place.
  func silu(_ x: Tensor)
  /// `x = x * gate sigmoid(gate)`, in place.
  func multiplySiLU(_ gate: Tensor, into x: Tensor)
  /// `x = sigmoid(x)`, in place.
  func sigmoid(_ x: Tensor)
  /// `x = x * sigmoid(gate)`, in place.
  func multiplySigmoid(_ gate: Tensor, into x: Tensor)
  /// `x = x * gain` over groups of `gain.columns` columns, in place.
  func scaleChannels(_ x: Tensor, gain: Weight)

  // MARK: Token mixing

  /// Rotates pairs `(i, i + pairs)` of every head by the angles of its row, in place; channels beyond `2 * pairs` stay as
  /// they are. Where cosine and sine are longer than one, pairs grow by as much.
  ///
  /// cosine and sine are `[tokens, pairs]`, at most half a head of them.
  func rotate(_ x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor)

  /// Writes keys or values of `x [tokens, heads * headDimension]` into a cache, from row `position` of each head on.
  ///
  /// - Precondition: `position + tokens <= capacity`.
  func appendToCache(_ x: Tensor, _ cache: CacheTensor, position: Int)

  /// Rotates keys as `rotate` does and writes them into a cache as `appendToCache` does; x may be left changed.
  func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor, appendingTo cache: CacheTensor, position: Int)

  /// Causal softmax attention with grouped heads: query head `h` reads key and value head
  /// `h / (heads / keyValueHeads)`. Row `t` of a sequence sees the rows of its cache that its position and the
  /// call's window leave visible.
  ///
  /// query and out `[tokens, heads * headDimension]`, the rows of all sequences one after the other.
  func attention(_ call: AttentionShape, query: Tensor, sequences: [SequenceCache], into out: Tensor)

  /// Depthwise causal convolution over time: `out[t, c] = sum_j weight[c, j] x[t - (kernel - 1) + j, c]`, where rows
  /// before the first of a sequence come from its state `[kernel - 1, channels]`, which holds its last rows
  /// afterwards.
  ///
  /// weight `[channels, kernel]`.
  func convolution(_ x: Tensor, weight: Weight, sequences: [SequenceState], into out: Tensor)

  /// `x = -exp(logRate) softplus(x + bias)`, or `x = bound sigmoid(exp(logRate) (x + bias))` with a bound, in place:
  /// the log decay of gated DeltaNet and of Kimi delta attention.
  ///
  /// x `[tokens, heads * channels]`, logRate `[1, heads]`, bias `[1, heads * channels]`.
  ///
  /// - Precondition: `bound`, if there is one, is negative.
  func logDecay(_ x: Tensor, logRate: Weight, bias: Weight, bound: Double?)

  /// `x = scale log(sigmoid(x))`, in place: the log decay of gated linear attention.
  func logSigmoid(_ x: Tensor, scale: Double)

  /// A linear recurrence over time, for each head with state `S [dk, dv]`: `S = e^g S`, of each row by its own decay or
  /// of all by one; `u = beta (v - S^T k)` with the delta rule, `u = v` without; `S = S + k u^T; out = scale S^T q`.
  ///
  /// query `[tokens, heads * dk]`, key `[tokens, keyValueHeads * dk]`, value `[tokens, keyValueHeads * dv]`; logDecay
  /// (`g`, not positive) `[tokens, heads]`, or `[tokens, heads * dk]` per channel; beta `[tokens, heads]`, with the
  /// delta rule only; out `[tokens, heads * dv]`. The state of a sequence, `[heads * dk, dv]`, is read and left as
  /// after its last token.
  func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?,
    sequences: [SequenceState], into out: Tensor)

  // MARK: Judgement

  /// `out[t] = sum_v p_v (log p_v - log q_v)` where p and q are the softmax of the rows of teacher and student;
  /// out `[tokens, 1]`.
  func divergence(teacher: Tensor, student: Tensor, into out: Tensor)
  /// `out[t] = log(sum_v exp(x[t, v]))`; out `[tokens, 1]`.
  func logSumExp(_ x: Tensor, into out: Tensor)

  // MARK: Measurement

  /// Says which part of a model the operations that follow belong to, to backends that keep account of it.
  func begin(_ part: ModelPart)

  /// Binds the threads, the calling one included, each to a processor of its own until `unpinThreads`.
  ///
  /// - Returns: the processors by thread; `nil` where threads stay free.
  func pinThreads() -> [Int]?
  func unpinThreads()

  /// What the machine can do at most, measured with this backend's threads; `nil` where nobody measures it.
  func measureLimits() -> MachineLimits?
  /// Bytes a second at which all threads together read these weights, and do nothing else with them; `nil` as above.
  func readBandwidth(of weights: [Weight]) -> Double?
}

/// The head layout of a softmax attention and what it sees.
public struct AttentionShape: Sendable, Equatable {
  public let heads: Int
  public let keyValueHeads: Int
  public let headDimension: Int
  /// Factor on the scores, usually `headDimension ^ -1/2`.
  public let scale: Double
  /// `nil` sees all that came before.
  public let window: AttentionWindow?

  /// - Precondition: `keyValueHeads` divides `heads`.
  public init(heads: Int, keyValueHeads: Int, headDimension: Int, scale: Double, window: AttentionWindow? = nil) {
    precondition(keyValueHeads > 0 && heads % keyValueHeads == 0, "\(heads) heads on \(keyValueHeads)")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.scale = scale
    self.window = window
  }

  /// The cache rows that a query at cache row `position` sees: the sinks, then the rest.
  package func visible(at position: Int) -> (sinks: Range<Int>, rest: Range<Int>) {
    guard let window else { return (0..<0, 0..<position + 1) }
    let first = max(0, position + 1 - window.size)
    return (0..<min(window.sinks, first), first..<position + 1)
  }
}

/// Sliding-window attention: a token sees itself and the `size - 1` tokens before it, and the first `sinks` tokens of
/// the text, which many heads lean on (Xiao et al., "Efficient Streaming Language Models with Attention Sinks").
public struct AttentionWindow: Sendable, Equatable {
  public let size: Int
  public let sinks: Int

  /// - Precondition: a token sees itself.
  public init(size: Int, sinks: Int) {
    precondition(size > 0 && sinks >= 0, "a window of \(size) with \(sinks) sinks")
    self.size = size
    self.sinks = sinks
  }

  /// Tokens that the one at `place` does not see of those before it.
  package func hidden(at place: Int) -> Range<Int> { sinks..<max(sinks, place + 1 - size) }
}

/// What a linear recurrence is, its head layout and the form in which it is computed.
public struct LinearRecurrenceShape: Sendable, Equatable {
  /// What forgets at a rate of its own.
  public enum Decay: Sendable, CaseIterable {
    /// A head: Mamba-2, gated DeltaNet.
    case perHead
    /// A channel of the key, which is a row of the state: gated linear attention, Kimi delta attention.
    case perChannel
  }

  /// What a token writes at its key.
  public enum Update: Sendable, CaseIterable {
    /// The share beta of what the value differs from what is read there.
    case delta
    /// The value.
    case additive
  }

  public let heads: Int
  public let keyValueHeads: Int
  public let keyDimension: Int
  public let valueDimension: Int
  /// Factor on the query, usually `keyDimension ^ -1/2`.
  public let scale: Double
  public let decay: Decay
  public let update: Update
  /// Tokens a chunk in the chunked form; `nil` leaves the form to the backend. The result is the same, so that a
  /// backend without that form goes token by token.
  public let chunkSize: Int?

  /// - Precondition: `keyValueHeads` divides `heads`.
  public init(
    heads: Int, keyValueHeads: Int, keyDimension: Int, valueDimension: Int, scale: Double, decay: Decay = .perHead,
    update: Update = .delta, chunkSize: Int? = nil
  ) {
    precondition(keyValueHeads > 0 && heads % keyValueHeads == 0, "\(heads) heads on \(keyValueHeads)")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.keyDimension = keyDimension
    self.valueDimension = valueDimension
    self.scale = scale
    self.decay = decay
    self.update = update
    self.chunkSize = chunkSize
  }

  /// Columns of the log decays.
  public var decayWidth: Int { decay == .perHead ? heads : heads * keyDimension }
}

extension Problem {
  public static let unsupportedElementType = Problem(
    "unsupportedElementType", .inputFile, "weights of this element type cannot be computed with")
  public static let wrongShape = Problem("wrongShape", .inputFile, "wrong shape")
}
