import HybridizeCompute
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019), each group of parameters with a rate
/// and a weight decay of its own. It remembers nothing but the moments: a step is told which one it is.
package struct Optimizer {
  let backend: any Backend
  let parameters: [TrainableParameter]
  /// Of the gradients, and of their squares; as the parameters.
  let means: [Tensor]
  let variances: [Tensor]
  private let settings: TrainingSettings

  package init(_ parameters: [TrainableParameter], on backend: any Backend, settings: TrainingSettings) {
    func zeros(like parameter: TrainableParameter) -> Tensor {
      let tensor = backend.makeTensor(rows: parameter.values.rows, columns: parameter.values.columns)
      backend.fill(tensor, with: 0)
      return tensor
    }
    self.backend = backend
    self.parameters = parameters
    self.settings = settings
    means = parameters.map(zeros)
    variances = parameters.map(zeros)
  }

  package func zeroGradients() {
    for parameter in parameters { backend.fill(parameter.gradient, with: 0) }
  }

  /// Euclidean, of all gradients together.
  package var gradientNorm: Double {
    parameters.reduce(0) { $0 + backend.sumOfSquares($1.gradient) }.squareRoot()
  }

  /// - Parameters:
  ///   - number: of the step, from 0.
  ///   - rateShare: what it takes of the rates.
  ///   - gradientScale: factor on the gradients.
  package func step(_ number: Int, rateShare: Double, gradientScale: Double) {
    let time = Double(number + 1)
    for (index, parameter) in parameters.enumerated() {
      let step = AdamStep(
        rate: settings.rate(of: parameter.group) * rateShare, beta1: settings.beta1, beta2: settings.beta2,
        epsilon: settings.epsilon, weightDecay: settings.weightDecay(of: parameter.group),
        correction1: 1 - pow(settings.beta1, time), correction2: 1 - pow(settings.beta2, time),
        gradientScale: gradientScale)
      backend.adamStep(
        step, parameters: parameter.values, gradient: parameter.gradient, mean: means[index],
        variance: variances[index])
    }
  }
}
