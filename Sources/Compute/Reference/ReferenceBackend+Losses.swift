import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  public func divergenceGradient(
    teacher: Tensor, inPlace student: Tensor, temperature: Double, scale: Double, into losses: Tensor
  ) {
    teacher.checkSameShape(as: student, in: "divergenceGradient")
    student.checkLosses(losses, in: "divergenceGradient")
    precondition(temperature > 0, "divergenceGradient: a temperature of \(temperature)")
    for row in 0..<student.rows {
      let logP = logSoftmax(teacher.doubles(row: row).map { $0 / temperature })
      let logQ = logSoftmax(student.doubles(row: row).map { $0 / temperature })
      losses.doubles[row] = temperature * temperature * divergence(logP, logQ)
      let target = student.doubles(row: row)
      for column in target.indices { target[column] = scale * temperature * (exp(logQ[column]) - exp(logP[column])) }
    }
  }

  /// With `L` the listed tokens and `r` all others as one: the gradient is `q_v - p_v` of a token in `L`, and of any
  /// other its share `q_v / q_r` of `q_r - p_r`, where `q` counts as often as all of `p`, which rounding may leave off 1.
  public func divergenceGradient(
    teacher: SparseDistributions, inPlace student: Tensor, scale: Double, into losses: Tensor
  ) {
    teacher.check(student)
    student.checkLosses(losses, in: "divergenceGradient")
    for row in 0..<student.rows {
      let target = student.doubles(row: row)
      let entries = row * teacher.count..<(row + 1) * teacher.count
      let ids = entries.map { Int(teacher.ids[$0]) }
      let logQ = logSoftmax(Array(target))
      let others = Set(target.indices).subtracting(ids)
      var classesLogP = entries.map { Double(teacher.logProbabilities[$0]) }
      var classesLogQ = ids.map { logQ[$0] }
      if !others.isEmpty {
        classesLogP.append(log(max(0, 1 - classesLogP.reduce(0) { $0 + exp($1) })))
        classesLogQ.append(logSumExp(others.sorted().map { logQ[$0] }))
      }
      losses.doubles[row] = divergence(classesLogP, classesLogQ)
      let total = classesLogP.reduce(0) { $0 + exp($1) }
      for (entry, id) in ids.enumerated() { target[id] = scale * (total * exp(logQ[id]) - exp(classesLogP[entry])) }
      for id in others {
        let share = exp(logQ[id] - classesLogQ[ids.count])
        target[id] = scale * share * (total * exp(classesLogQ[ids.count]) - exp(classesLogP[ids.count]))
      }
    }
  }

  public func crossEntropyGradient(targets: [Int?], inPlace logits: Tensor, scale: Double, into losses: Tensor) {
    logits.checkTargets(targets)
    logits.checkLosses(losses, in: "crossEntropyGradient")
    for (row, target) in targets.enumerated() {
      let values = logits.doubles(row: row)
      guard let target else {
        losses.doubles[row] = 0
        values.update(repeating: 0)
        continue
      }
      let logQ = logSoftmax(Array(values))
      losses.doubles[row] = -logQ[target]
      for column in values.indices { values[column] = scale * (exp(logQ[column]) - (column == target ? 1 : 0)) }
    }
  }

  public func distanceGradient(
    teacher: Tensor, inPlace student: Tensor, squared: Bool, scale: Double, into losses: Tensor
  ) {
    teacher.checkSameShape(as: student, in: "distanceGradient")
    student.checkLosses(losses, in: "distanceGradient")
    let columns = Double(student.columns)
    for row in 0..<student.rows {
      let (target, values) = (student.doubles(row: row), teacher.doubles(row: row))
      let distance = sqrt(zip(target, values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / columns)
      losses.doubles[row] = squared ? distance * distance : distance
      let slope = squared ? 2 / columns : distance > 0 ? 1 / (distance * columns) : 0
      for column in target.indices { target[column] = scale * slope * (target[column] - values[column]) }
    }
  }

  /// `sum_v p_v (log p_v - log q_v)`, in which what has no probability in p counts nothing.
  private func divergence(_ logP: [Double], _ logQ: [Double]) -> Double {
    zip(logP, logQ).reduce(0) { $1.0 > -.infinity ? $0 + exp($1.0) * ($1.0 - $1.1) : $0 }
  }

  private func logSoftmax(_ row: [Double]) -> [Double] {
    let total = logSumExp(row)
    return row.map { $0 - total }
  }
}
