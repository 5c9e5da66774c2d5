import HybridizeCore

/// The derivatives of the operations that mix tokens, by the rules of `GradientOperations`.
public protocol MixingGradientOperations: AnyObject, Sendable {
  /// Of `rotate`: turns back.
  func rotateGradient(_ gradient: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor)

  /// Of `attention` over whole sequences.
  ///
  /// - Parameters:
  ///   - query: what went in, `[tokens, heads * headDimension]`.
  ///   - sequences: as in `attention`, each from position 0 and with its rows in the caches.
  ///   - gradient: of what came out.
  ///   - queryGradient: `[tokens, heads * headDimension]`.
  ///   - keyGradient: of the keys as they went into the cache, `[tokens, keyValueHeads * headDimension]`.
  ///   - valueGradient: as keyGradient.
  func attentionGradient(
    _ call: AttentionShape, query: Tensor, sequences: [SequenceCache], gradient: Tensor, into queryGradient: Tensor,
    _ keyGradient: Tensor, _ valueGradient: Tensor)

  /// Of `convolution` over whole sequences, with zeros before the first row of each.
  func convolutionGradient(
    _ x: Tensor, weight: Weight, sequences: [Range<Int>], gradient: Tensor, into xGradient: Tensor,
    addingTo weightGradient: Tensor?)

  /// Of `logDecay`; x is what went in, the gradient of what came out becomes that of x. `rateGradient` is that of
  /// `logRate`, `[1, heads]`.
  func logDecayGradient(
    _ x: Tensor, logRate: Weight, bias: Weight, bound: Double?, inPlace gradient: Tensor,
    addingTo rateGradient: Tensor?, _ biasGradient: Tensor?)

  /// Of `logSigmoid`; x is what went in.
  func logSigmoidGradient(_ x: Tensor, scale: Double, inPlace gradient: Tensor)

  /// Of `linearRecurrence`; the operands are what went in, `gradient` is that of what came out, and `gradients` are
  /// written. Sequences have the states that they began with, unless that was zero, and what the state after the last token
  /// got, unless nothing did.
  func linearRecurrenceGradient(
    _ call: LinearRecurrenceShape, _ operands: RecurrenceOperands, sequences: [RecurrenceSequence], gradient: Tensor,
    into gradients: RecurrenceOperands)
}

/// Operands of a linear recurrence, or their gradients; shapes as in `Backend.linearRecurrence`.
public struct RecurrenceOperands: Sendable {
  public let query: Tensor
  public let key: Tensor
  public let value: Tensor
  public let logDecay: Tensor
  /// With the delta rule only.
  public let beta: Tensor?

  public init(query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?) {
    self.query = query
    self.key = key
    self.value = value
    self.logDecay = logDecay
    self.beta = beta
  }
}

/// One sequence of a recurrence in training.
public struct RecurrenceSequence: Sendable {
  public let rows: Range<Int>
  /// `[heads * dk, dv]`, all three.
  public let initialState: Tensor?
  /// What reaches the state after the last token.
  public let finalStateGradient: Tensor?
  /// Written, if wanted.
  public let initialStateGradient: Tensor?

  public init(
    rows: Range<Int>, initialState: Tensor? = nil, finalStateGradient: Tensor? = nil,
    initialStateGradient: Tensor? = nil
  ) {
    self.rows = rows
    self.initialState = initialState
    self.finalStateGradient = finalStateGradient
    self.initialStateGradient = initialStateGradient
  }
}
