import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// All that a training is at some step: what it needs to go on, and nothing that can be derived.
struct TrainingState {
  let optimizer: Optimizer
  /// The parameters at the lowest held-out loss; `nil` without held-out text.
  let best: [Tensor]?
  var history = TrainingHistory()

  var backend: any Backend { optimizer.backend }
  var parameters: [TrainableParameter] { optimizer.parameters }

  init(_ optimizer: Optimizer, keepsBest: Bool) {
    self.optimizer = optimizer
    best =
      keepsBest
      ? optimizer.parameters.map {
        optimizer.backend.makeTensor(rows: $0.values.rows, columns: $0.values.columns)
      } : nil
  }

  /// All tensors under the names that they have on disk.
  var tensors: [(name: String, tensor: Tensor)] {
    var all: [(name: String, tensor: Tensor)] = []
    for (index, parameter) in parameters.enumerated() {
      all.append(("parameter." + parameter.name, parameter.values))
      all.append(("mean." + parameter.name, optimizer.means[index]))
      all.append(("variance." + parameter.name, optimizer.variances[index]))
      if let best { all.append(("best." + parameter.name, best[index])) }
    }
    return all
  }

  /// Remembers the parameters as the best so far.
  func keepBest() {
    guard let best else { return }
    for (parameter, tensor) in zip(parameters, best) { backend.copy(parameter.values, to: tensor) }
  }

  /// Takes the parameters back to the best, if any were remembered.
  func restoreBest() {
    guard let best, history.best != nil else { return }
    for (parameter, tensor) in zip(parameters, best) { backend.copy(tensor, to: parameter.values) }
  }
}
