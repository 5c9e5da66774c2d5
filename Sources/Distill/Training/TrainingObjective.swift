import HybridizeCompute
import HybridizeCore

/// What is trained, and how its loss comes about: one stage of a distillation.
package protocol TrainingObjective {
  var backend: any Backend { get }
  /// In a fixed order.
  var parameters: [TrainableParameter] { get }

  /// Adds the gradients of `scale * sum of losses of all tokens` to those of the parameters.
  ///
  /// - Returns: the sum of the losses of the tokens, without the scale, and how many tokens had one.
  func accumulate(_ batch: TokenBatch, scale: Double) throws(HybridizeError) -> LossSum
  /// The loss alone.
  func loss(_ batch: TokenBatch) throws(HybridizeError) -> LossSum
}

/// A parameter that is trained, in the backend's activation type.
package struct TrainableParameter: Sendable {
  /// As in the checkpoint.
  package let name: String
  package let group: ParameterGroup
  package let values: Tensor
  /// Of the same shape.
  package let gradient: Tensor

  package init(name: String, group: ParameterGroup, values: Tensor, gradient: Tensor) {
    self.name = name
    self.group = group
    self.values = values
    self.gradient = gradient
  }
}

/// Parameters that share a learning rate and a weight decay.
package enum ParameterGroup: String, Sendable, CaseIterable {
  /// Matrices of token mixers.
  case mixer
  /// Norms, biases, decay rates and convolutions of token mixers: never decayed towards zero.
  case mixerVectors
  /// All other matrices.
  case rest
  /// All other norms and biases: never decayed towards zero.
  case restVectors
}

/// Losses of some tokens.
package struct LossSum: Sendable, Equatable {
  package private(set) var sum: Double
  package private(set) var count: Int

  package init(sum: Double = 0, count: Int = 0) {
    self.sum = sum
    self.count = count
  }

  /// NaN of no tokens.
  package var mean: Double { sum / Double(count) }

  package mutating func add(_ other: LossSum) {
    sum += other.sum
    count += other.count
  }
}
