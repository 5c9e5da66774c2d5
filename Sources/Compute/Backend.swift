import HybridizeCore

/// Where numbers are computed: named operations on tensors of the backend's own activation type.
///
/// The caller passes the outputs; an operation never allocates what it returns. Shapes are checked by
/// `precondition`: files are checked when they are loaded, so a mismatch here is a bug of the caller. Operands
/// come from the same backend, and outputs do not overlap inputs unless an operation says that it works in
/// place. A backend is used by one thread at a time; it brings its own threads.
///
/// Shapes are written `[rows, columns]`; `heads x headDimension` are the columns of a row, head by head.
public protocol Backend: AnyObject, Sendable {
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

  // MARK: Dense layers

  /// `out[i] = table[ids[i]]`; out `[ids, table.columns]`.
  ///
  /// - Precondition: every id is a row of the table.
  func embed(_ ids: [Int], _ table: Weight, into out: Tensor)
  /// `out = x weight^T`; x `[tokens, weight.columns]`, out `[tokens, weight.rows]`.
  func linear(_ x: Tensor, _ weight: Weight, into out: Tensor)
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
  /// `x = x * gain` over groups of `gain.columns` columns, in place.
  func scaleChannels(_ x: Tensor, gain: Weight)

  // MARK: Token mixing

  /// Rotates pairs `(i, i + headDimension / 2)` of every head by the angles of its row, in place.
  ///
  /// cosine and sine are `[tokens, headDimension / 2]`.
  func rotate(_ x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor)

  /// Writes keys or values of `x [tokens, heads * headDimension]` into a cache `[heads * capacity, headDimension]`,
  /// whose rows are head by head, from row `position` of each head on.
  ///
  /// - Precondition: `position + tokens <= capacity`.
  func appendToCache(_ x: Tensor, _ cache: Tensor, heads: Int, position: Int)

  /// Causal softmax attention with grouped heads: query head `h` reads key and value head
  /// `h / (heads / keyValueHeads)`. Row `t` of the query sees cache rows `0 ... position + t`.
  ///
  /// query and out `[tokens, heads * headDimension]`; keys and values as `appendToCache` lays them out, with the
  /// query's own tokens already in.
  func attention(_ call: AttentionShape, query: Tensor, keys: Tensor, values: Tensor, position: Int, into out: Tensor)

  /// Depthwise causal convolution over time: `out[t, c] = sum_j weight[c, j] x[t - (kernel - 1) + j, c]`, where rows
  /// before the first come from `history [kernel - 1, channels]`, which holds the last rows afterwards.
  ///
  /// weight `[channels, kernel]`.
  func convolution(_ x: Tensor, weight: Weight, history: Tensor, into out: Tensor)

  /// `x = -exp(logRate) softplus(x + bias)`, in place: the log decay of gated DeltaNet.
  ///
  /// x `[tokens, heads]`, logRate and bias `[1, heads]`.
  func logDecay(_ x: Tensor, logRate: Weight, bias: Weight)

  /// The gated delta rule over time (Yang et al., "Gated Delta Networks"), for each head with state `S [dk, dv]`:
  /// `S = e^g S; u = beta (v - S^T k); S = S + k u^T; out = scale S^T q`.
  ///
  /// query `[tokens, heads * dk]`, key `[tokens, keyValueHeads * dk]`, value `[tokens, keyValueHeads * dv]`; logDecay
  /// (`g`) and beta `[tokens, heads]`; state `[heads * dk, dv]`, read and left as after the last token; out
  /// `[tokens, heads * dv]`.
  func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor,
    state: Tensor, into out: Tensor)

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

/// The head layout of a softmax attention.
public struct AttentionShape: Sendable, Equatable {
  public let heads: Int
  public let keyValueHeads: Int
  public let headDimension: Int
  /// Factor on the scores, usually `headDimension ^ -1/2`.
  public let scale: Double

  /// - Precondition: `keyValueHeads` divides `heads`.
  public init(heads: Int, keyValueHeads: Int, headDimension: Int, scale: Double) {
    precondition(keyValueHeads > 0 && heads % keyValueHeads == 0, "\(heads) heads on \(keyValueHeads)")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.scale = scale
  }
}

/// The head layout of a linear recurrence and the form in which it is computed.
public struct LinearRecurrenceShape: Sendable, Equatable {
  public let heads: Int
  public let keyValueHeads: Int
  public let keyDimension: Int
  public let valueDimension: Int
  /// Factor on the query, usually `keyDimension ^ -1/2`.
  public let scale: Double
  /// Tokens a chunk in the chunked form; `nil` leaves the form to the backend. The result is the same.
  public let chunkSize: Int?

  /// - Precondition: `keyValueHeads` divides `heads`.
  public init(
    heads: Int, keyValueHeads: Int, keyDimension: Int, valueDimension: Int, scale: Double, chunkSize: Int? = nil
  ) {
    precondition(keyValueHeads > 0 && heads % keyValueHeads == 0, "\(heads) heads on \(keyValueHeads)")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.keyDimension = keyDimension
    self.valueDimension = valueDimension
    self.scale = scale
    self.chunkSize = chunkSize
  }
}

extension Problem {
  public static let unsupportedElementType = Problem(
    "unsupportedElementType", .inputFile, "weights of this element type cannot be computed with")
  public static let wrongShape = Problem("wrongShape", .inputFile, "wrong shape")
}
