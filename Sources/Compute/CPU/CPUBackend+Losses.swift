import CKernels
import HybridizeCore

extension CPUBackend {
  public func divergenceGradient(
    teacher: Tensor, inPlace student: Tensor, temperature: Double, scale: Double, into losses: Tensor
  ) {
    teacher.checkSameShape(as: student, in: "divergenceGradient")
    student.checkLosses(losses, in: "divergenceGradient")
    precondition(temperature > 0, "divergenceGradient: a temperature of \(temperature)")
    pool.run(student.rows) { row, _ in
      losses.floats[row] = Float(
        kernels.divergence_gradient(
          teacher.row(row), student.row(row), student.columns, Float(temperature), Float(scale)))
    }
  }

  public func divergenceGradient(
    teacher: SparseDistributions, inPlace student: Tensor, scale: Double, into losses: Tensor
  ) {
    teacher.check(student)
    student.checkLosses(losses, in: "divergenceGradient")
    teacher.ids.withUnsafeBufferPointer { ids in
      teacher.logProbabilities.withUnsafeBufferPointer { logProbabilities in
        guard let ids = ids.baseAddress, let logProbabilities = logProbabilities.baseAddress else { return }
        pool.run(student.rows, scratch: teacher.count) { row, scratch in
          let first = row * teacher.count
          losses.floats[row] = Float(
            kernels.sparse_divergence_gradient(
              student.row(row), student.columns, ids + first, logProbabilities + first, teacher.count, Float(scale),
              scratch))
        }
      }
    }
  }

  public func crossEntropyGradient(targets: [Int?], inPlace logits: Tensor, scale: Double, into losses: Tensor) {
    logits.checkTargets(targets)
    logits.checkLosses(losses, in: "crossEntropyGradient")
    pool.run(logits.rows) { row, _ in
      guard let target = targets[row] else {
        logits.row(row).update(repeating: 0, count: logits.columns)
        losses.floats[row] = 0
        return
      }
      losses.floats[row] = Float(
        kernels.cross_entropy_gradient(logits.row(row), logits.columns, target, Float(scale)))
    }
  }

  public func distanceGradient(
    teacher: Tensor, inPlace student: Tensor, squared: Bool, scale: Double, into losses: Tensor
  ) {
    teacher.checkSameShape(as: student, in: "distanceGradient")
    student.checkLosses(losses, in: "distanceGradient")
    forEachPiece(of: student.rows, size: rowsAPiece(student)) { rows in
      for row in rows {
        losses.floats[row] = Float(
          kernels.distance_gradient(
            teacher.row(row), student.row(row), student.columns, squared ? 1 : 0, Float(scale)))
      }
    }
  }

  // MARK: Optimiser

  public func sumOfSquares(_ x: Tensor) -> Double {
    let size = Self.elementsAPiece
    let count = x.elementCount
    // Summed piece by piece, in order: the same for any number of threads.
    return pool.map((count + size - 1) / size) { piece in
      kernels.sum_of_squares(x.floats + piece * size, min(size, count - piece * size))
    }.reduce(0, +)
  }

  public func adamStep(
    _ step: AdamStep, parameters: Tensor, gradient: Tensor, mean: Tensor, variance: Tensor
  ) {
    parameters.checkSameShape(as: gradient, mean, variance, in: "adamStep")
    let step = ck_adam_step(step)
    forEachPiece(of: parameters.elementCount, size: Self.elementsAPiece) { range in
      let first = range.lowerBound
      withUnsafePointer(to: step) {
        kernels.adam_step(
          $0, parameters.floats + first, gradient.floats + first, mean.floats + first, variance.floats + first,
          range.count)
      }
    }
  }
}

extension ck_adam_step {
  fileprivate init(_ step: AdamStep) {
    // Differences from 1 in double precision.
    self.init(
      rate: Float(step.rate), gradient_scale: Float(step.gradientScale), mean_keep: Float(step.beta1),
      mean_share: Float(1 - step.beta1), variance_keep: Float(step.beta2), variance_share: Float(1 - step.beta2),
      mean_factor: Float(1 / step.correction1), variance_factor: Float(1 / step.correction2),
      epsilon: Float(step.epsilon), weight_decay: Float(step.weightDecay))
  }
}
