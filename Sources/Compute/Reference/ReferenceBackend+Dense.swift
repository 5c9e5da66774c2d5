import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  // MARK: Dense layers

  public func embed(_ ids: [Int], _ table: Weight, into out: Tensor) {
    precondition(out.rows == ids.count && out.columns == table.columns, "embed: wrong shape of out")
    for (row, id) in ids.enumerated() {
      precondition(id >= 0 && id < table.rows, "embed: an id beyond the table")
      _ = out.doubles(row: row).update(fromContentsOf: table.doubles(row: id))
    }
  }

  public func linear(_ x: Tensor, _ weight: Weight, into out: Tensor) {
    precondition(
      x.columns == weight.columns && out.rows == x.rows && out.columns == weight.rows, "linear: wrong shapes")
    for token in 0..<x.rows {
      let row = x.doubles(row: token)
      let target = out.doubles(row: token)
      for output in 0..<weight.rows {
        let factors = weight.doubles(row: output)
        var sum = 0.0
        for input in 0..<x.columns { sum += row[input] * factors[input] }
        target[output] = sum
      }
    }
  }

  public func addBias(_ bias: Weight, to x: Tensor) {
    precondition(bias.rows == 1 && bias.columns == x.columns, "addBias: wrong shape of bias")
    for row in 0..<x.rows {
      let target = x.doubles(row: row)
      for column in 0..<x.columns { target[column] += bias.doubles[column] }
    }
  }

  public func add(_ y: Tensor, to x: Tensor) {
    precondition(x.rows == y.rows && x.columns == y.columns, "add: different shapes")
    for index in 0..<x.elementCount { x.doubles[index] += y.doubles[index] }
  }

  // MARK: Norms and activations

  public func rmsNorm(_ x: Tensor, gain: Weight, epsilon: Double, into out: Tensor) {
    precondition(x.rows == out.rows && x.columns == out.columns, "rmsNorm: different shapes")
    let width = gain.columns
    forEachGroup(of: x, width: width) { group in
      let mean = group.reduce(0) { $0 + x.doubles[$1] * x.doubles[$1] } / Double(width)
      let root = sqrt(mean + epsilon)
      for (channel, index) in group.enumerated() {
        out.doubles[index] = x.doubles[index] / root * gain.doubles[channel]
      }
    }
  }

  public func l2Normalize(_ x: Tensor, groupSize: Int, epsilon: Double) {
    forEachGroup(of: x, width: groupSize) { group in
      let root = sqrt(group.reduce(0) { $0 + x.doubles[$1] * x.doubles[$1] } + epsilon)
      for index in group { x.doubles[index] /= root }
    }
  }

  public func scaleChannels(_ x: Tensor, gain: Weight) {
    forEachGroup(of: x, width: gain.columns) { group in
      for (channel, index) in group.enumerated() { x.doubles[index] *= gain.doubles[channel] }
    }
  }

  public func silu(_ x: Tensor) {
    for index in 0..<x.elementCount { x.doubles[index] *= logistic(x.doubles[index]) }
  }

  public func multiplySiLU(_ gate: Tensor, into x: Tensor) {
    precondition(x.rows == gate.rows && x.columns == gate.columns, "multiplySiLU: different shapes")
    for index in 0..<x.elementCount { x.doubles[index] *= gate.doubles[index] * logistic(gate.doubles[index]) }
  }

  public func sigmoid(_ x: Tensor) {
    for index in 0..<x.elementCount { x.doubles[index] = logistic(x.doubles[index]) }
  }

  public func multiplySigmoid(_ gate: Tensor, into x: Tensor) {
    precondition(x.rows == gate.rows && x.columns == gate.columns, "multiplySigmoid: different shapes")
    for index in 0..<x.elementCount { x.doubles[index] *= logistic(gate.doubles[index]) }
  }

  func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// The element ranges of every group of `width` columns of every row.
  func forEachGroup(of x: Tensor, width: Int, _ body: (Range<Int>) -> Void) {
    precondition(width > 0 && x.columns % width == 0, "groups of \(width) in \(x.columns) columns")
    for start in stride(from: 0, to: x.elementCount, by: width) { body(start..<start + width) }
  }

  // MARK: Judgement

  public func divergence(teacher: Tensor, student: Tensor, into out: Tensor) {
    precondition(teacher.rows == student.rows && teacher.columns == student.columns, "divergence: different shapes")
    precondition(out.rows == teacher.rows && out.columns == 1, "divergence: wrong shape of out")
    for row in 0..<teacher.rows {
      let (p, q) = (teacher.doubles(row: row), student.doubles(row: row))
      let (pTotal, qTotal) = (logSumExp(p), logSumExp(q))
      var sum = 0.0
      for index in 0..<teacher.columns where p[index] > -.infinity {
        let logP = p[index] - pTotal
        sum += exp(logP) * (logP - (q[index] - qTotal))
      }
      out.doubles[row] = sum
    }
  }

  public func logSumExp(_ x: Tensor, into out: Tensor) {
    precondition(out.rows == x.rows && out.columns == 1, "logSumExp: wrong shape of out")
    for row in 0..<x.rows { out.doubles[row] = logSumExp(x.doubles(row: row)) }
  }

  func logSumExp(_ row: some Collection<Double>) -> Double {
    let greatest = row.max() ?? -.infinity
    if greatest == -.infinity { return -.infinity }
    return greatest + log(row.reduce(0) { $0 + exp($1 - greatest) })
  }
}
