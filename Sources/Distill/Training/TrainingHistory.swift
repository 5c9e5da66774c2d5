import HybridizeCore
import HybridizeEvaluation

/// What a training has measured of itself, and all that follows from it: how far it is, the best it has been, and whether
/// to go on. That nothing else is remembered is why a training that goes on does what it would have done.
package struct TrainingHistory: Sendable, Equatable {
  package struct Step: Sendable, Equatable {
    /// Since the beginning, with this step.
    package let tokens: Int
    /// The mean over the tokens of the step.
    package let loss: Double
    /// Of the gradient, before it was clipped.
    package let norm: Double
    /// Of mixers.
    package let rate: Double
    /// Since the beginning.
    package let seconds: Double

    package init(tokens: Int, loss: Double, norm: Double, rate: Double, seconds: Double) {
      self.tokens = tokens
      self.loss = loss
      self.norm = norm
      self.rate = rate
      self.seconds = seconds
    }
  }

  /// A look at the held-out text.
  package struct Evaluation: Sendable, Equatable {
    /// Steps that were done.
    package let step: Int
    package let loss: Double
    /// Since the beginning.
    package let seconds: Double

    package init(step: Int, loss: Double, seconds: Double) {
      self.step = step
      self.loss = loss
      self.seconds = seconds
    }
  }

  package private(set) var steps: [Step] = []
  package private(set) var evaluations: [Evaluation] = []

  package init() {}

  package mutating func add(_ step: Step) { steps.append(step) }
  package mutating func add(_ evaluation: Evaluation) { evaluations.append(evaluation) }

  package var tokens: Int { steps.last?.tokens ?? 0 }
  package var seconds: Double { max(steps.last?.seconds ?? 0, evaluations.last?.seconds ?? 0) }

  /// The lowest held-out loss, the first of equal ones.
  package var best: Evaluation? { evaluations.min { $0.loss < $1.loss } }

  /// The mean loss of the last steps, of which single ones say little.
  package var recentLoss: Double? {
    let recent = steps.suffix(20).map(\.loss)
    return recent.isEmpty ? nil : recent.mean
  }

  package func hasReached(_ plateau: TrainingSettings.Plateau) -> Bool {
    var best = Double.infinity
    var waited = 0
    for evaluation in evaluations {
      if evaluation.loss < best - plateau.improvement * abs(best) || best == .infinity {
        best = evaluation.loss
        waited = 0
      } else {
        waited += 1
      }
    }
    return waited >= plateau.evaluations
  }

  /// How many of the last gradients in a row are too long, up to as many as make an explosion.
  package func tooLongGradients(_ explosion: TrainingSettings.Explosion) -> Int {
    let norms = steps.suffix(explosion.window + explosion.steps).map(\.norm)
    var count = 0
    for index in norms.indices.reversed() {
      guard index >= explosion.window,
        norms[index] > explosion.factor * Array(norms[index - explosion.window..<index]).median
      else { break }
      count += 1
    }
    return count
  }
}

extension TrainingHistory {
  /// One object a step or evaluation, in the order in which they came about.
  var lines: [JSONObject] {
    var lines: [JSONObject] = []
    var evaluations = evaluations[...]
    for number in 0...steps.count {
      if number > 0 { lines.append(steps[number - 1].json(number)) }
      while let evaluation = evaluations.first, evaluation.step == number {
        lines.append(evaluation.json)
        evaluations.removeFirst()
      }
    }
    return lines
  }
}

extension TrainingHistory.Step {
  /// - Parameter number: of the step, from 1.
  func json(_ number: Int) -> JSONObject {
    [
      "step": .integer(number), "tokens": .integer(tokens), "loss": .double(loss), "norm": .double(norm),
      "rate": .double(rate), "seconds": .double(seconds),
    ]
  }
}

extension TrainingHistory.Evaluation {
  var json: JSONObject {
    ["step": .integer(step), "held_out_loss": .double(loss), "seconds": .double(seconds)]
  }
}
