/// What both backends ask of the operands of derivatives, losses and optimiser steps.
extension Tensor {
  /// - Precondition: all have the shape of this one.
  func checkSameShape(as others: Tensor..., in operation: String) {
    precondition(others.allSatisfy(hasShape), "\(operation): different shapes")
  }

  /// - Precondition: one number a row of this one.
  func checkLosses(_ losses: Tensor, in operation: String) {
    precondition(losses.rows == rows && losses.columns == 1, "\(operation): wrong shape of losses")
  }

  /// - Precondition: a gradient of `[1, columns]`.
  func checkVector(columns: Int, in operation: String) {
    precondition(rows == 1 && self.columns == columns, "\(operation): wrong shape of a parameter's gradient")
  }

  /// - Precondition: gradients and weights of linear layers whose input this is the gradient of.
  func checkInputGradient(_ gradients: [Tensor], _ weights: [Weight]) {
    precondition(
      gradients.count == weights.count && !weights.isEmpty,
      "linearInputGradient: \(gradients.count) gradients for \(weights.count) weights")
    for (gradient, weight) in zip(gradients, weights) {
      precondition(
        gradient.rows == rows && gradient.columns == weight.rows && columns == weight.columns,
        "linearInputGradient: [\(gradient.rows), \(gradient.columns)] x [\(weight.rows), \(weight.columns)] into "
          + "[\(rows), \(columns)]")
    }
  }

  /// - Precondition: the gradient of a weight of this many outputs and inputs.
  func checkWeightGradient(_ x: Tensor, _ gradient: Tensor) {
    precondition(
      x.rows == gradient.rows && rows == gradient.columns && columns == x.columns,
      "linearWeightGradient: [\(gradient.rows), \(gradient.columns)]^T x [\(x.rows), \(x.columns)] into "
        + "[\(rows), \(columns)]")
  }

  /// - Precondition: the gradient of a table that has all the ids.
  func checkTableGradient(_ ids: [Int], _ gradient: Tensor) {
    precondition(gradient.rows == ids.count && gradient.columns == columns, "embedGradient: wrong shape of gradient")
    precondition(ids.allSatisfy { $0 >= 0 && $0 < rows }, "embedGradient: an id beyond the table")
  }

  /// - Precondition: a target for each row, all of them columns.
  func checkTargets(_ targets: [Int?]) {
    precondition(targets.count == rows, "crossEntropyGradient: \(targets.count) targets for \(rows) rows")
    precondition(
      targets.allSatisfy { $0.map { $0 >= 0 && $0 < columns } ?? true }, "crossEntropyGradient: a target beyond a row")
  }
}

extension SparseDistributions {
  /// - Precondition: there is a distribution for each row of logits, and its ids are columns.
  func check(_ student: Tensor) {
    precondition(ids.count == student.rows * count, "divergenceGradient: \(ids.count / count) rows of teacher")
    precondition(
      ids.allSatisfy { $0 >= 0 && Int($0) < student.columns }, "divergenceGradient: an id beyond the vocabulary")
  }
}
