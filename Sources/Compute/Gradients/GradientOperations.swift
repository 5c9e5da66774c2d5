import HybridizeCore

/// What training asks of a backend beyond inference: the derivatives of its operations, losses, and the step of an
/// optimiser.
///
/// "Gradient" means of the loss. The gradients of activations are written, or made in place where an operation says so;
/// those of parameters are added to what is there, and the caller sets them to zero. A parameter whose gradient nobody
/// wants has `nil` for it. Gradients of parameters are tensors of the shape of the weight.
///
/// Training sees whole sequences: each begins with the first row of its range and with an empty state. Sums over rows are
/// made in an order that does not depend on the number of threads.
public protocol GradientOperations: AnyObject, Sendable {
  // MARK: Parameters

  /// A weight that lies in the memory of a tensor: what changes there changes the weight. `[1, n]` is a vector.
  func weight(sharing tensor: Tensor) -> Weight

  // MARK: Dense layers

  /// `tableGradient[ids[i]] += gradient[i]`; gradient `[ids, columns]`.
  func embedGradient(_ ids: [Int], _ gradient: Tensor, addingTo tableGradient: Tensor)

  /// What reaches the input of `linear` layers of one input: `sum_i gradients[i] weights[i]`; xGradient
  /// `[tokens, weight.columns]`, gradients[i] `[tokens, weights[i].rows]`.
  ///
  /// - Parameter adding: to what is in xGradient, instead of writing.
  func linearInputGradient(_ gradients: [Tensor], _ weights: [Weight], adding: Bool, into xGradient: Tensor)

  /// `weightGradient += gradient^T x`; x `[tokens, inputs]`, gradient `[tokens, outputs]`.
  func linearWeightGradient(_ x: Tensor, _ gradient: Tensor, addingTo weightGradient: Tensor)

  /// `biasGradient += sum of the rows of gradient`; biasGradient `[1, columns]`.
  func biasGradient(_ gradient: Tensor, addingTo biasGradient: Tensor)

  // MARK: Norms and activations

  /// Of `rmsNorm`. xGradient may be the gradient itself.
  ///
  /// - Parameter x: what went in.
  func rmsNormGradient(
    _ x: Tensor, gain: Weight, epsilon: Double, gradient: Tensor, into xGradient: Tensor,
    addingTo gainGradient: Tensor?)

  /// Of `l2Normalize`; the gradient of what came out becomes that of what went in.
  func l2NormalizeGradient(_ x: Tensor, groupSize: Int, epsilon: Double, inPlace gradient: Tensor)

  /// Of `silu`; x is what went in.
  func siluGradient(_ x: Tensor, inPlace gradient: Tensor)

  /// Of `x * SiLU(gate)`: x and gate are what went in; the gradient of the product becomes that of x.
  func multiplySiLUGradient(_ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor)

  /// Of `sigmoid`; y is what came out.
  func sigmoidGradient(_ y: Tensor, inPlace gradient: Tensor)

  /// Of `x * sigmoid(gate)`, as `multiplySiLUGradient`.
  func multiplySigmoidGradient(_ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor)

  /// Of `scaleChannels`; x is what went in.
  func scaleChannelsGradient(_ x: Tensor, gain: Weight, inPlace gradient: Tensor, addingTo gainGradient: Tensor?)

  // MARK: Losses

  /// KL(teacher || student) of rows of logits, both softened by a temperature: with p and q the softmax of the rows
  /// divided by it, `losses[t] = temperature^2 sum_v p_v (log p_v - log q_v)`. The student's logits become the
  /// gradient of `scale * sum of losses`, `scale * temperature (q - p)`.
  ///
  /// losses `[tokens, 1]`.
  func divergenceGradient(
    teacher: Tensor, inPlace student: Tensor, temperature: Double, scale: Double, into losses: Tensor)

  /// The same against teachers of whom the largest probabilities alone are known, at a temperature of 1. All other tokens
  /// are one class, whose probability is the rest: `sum_k p_k (log p_k - log q_k) + p_r (log p_r - log q_r)`.
  ///
  /// - Parameter teacher: of each row of student.
  func divergenceGradient(
    teacher: SparseDistributions, inPlace student: Tensor, scale: Double, into losses: Tensor)

  /// Cross-entropy of rows of logits: `losses[t] = log sum_v exp(x_v) - x_target`; the logits become the gradient of
  /// `scale * sum of losses`. A row whose target is `nil` has loss and gradient 0.
  func crossEntropyGradient(targets: [Int?], inPlace logits: Tensor, scale: Double, into losses: Tensor)

  /// The distance of rows: `losses[t] = |student - teacher| / sqrt(columns)`, or its square. The student becomes the
  /// gradient of `scale * sum of losses`; where both are equal it is 0.
  func distanceGradient(teacher: Tensor, inPlace student: Tensor, squared: Bool, scale: Double, into losses: Tensor)

  // MARK: Optimiser

  /// `sum x^2` in double precision.
  func sumOfSquares(_ x: Tensor) -> Double

  /// One step of AdamW (Loshchilov and Hutter, 2019) on a stretch of parameters:
  /// `g = gradientScale gradient; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;`
  /// `p -= rate (m / correction1 / (sqrt(v / correction2) + epsilon) + weightDecay p)`.
  func adamStep(_ step: AdamStep, parameters: Tensor, gradient: Tensor, mean: Tensor, variance: Tensor)
}

/// The largest probabilities of some distributions over a vocabulary.
public struct SparseDistributions: Sendable {
  /// How many of each.
  public let count: Int
  /// `[rows * count]`, distinct within a row.
  public let ids: [Int32]
  /// Natural logarithms, as `ids`.
  public let logProbabilities: [Float]

  /// - Precondition: as many logarithms as ids, whole rows.
  public init(count: Int, ids: [Int32], logProbabilities: [Float]) {
    precondition(count > 0 && ids.count == logProbabilities.count && ids.count % count == 0, "no whole rows")
    self.count = count
    self.ids = ids
    self.logProbabilities = logProbabilities
  }
}

/// The numbers of one step of AdamW, see `GradientOperations.adamStep`.
public struct AdamStep: Sendable, Equatable {
  public let rate: Double
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  /// `1 - beta1^t`, `1 - beta2^t` at step t, counted from 1.
  public let correction1: Double
  public let correction2: Double
  public let gradientScale: Double

  public init(
    rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, correction1: Double,
    correction2: Double, gradientScale: Double
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.correction1 = correction1
    self.correction2 = correction2
    self.gradientScale = gradientScale
  }
}
