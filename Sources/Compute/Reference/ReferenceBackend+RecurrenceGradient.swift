import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  /// Token by token, from the last to the first, with the states of all tokens kept.
  public func linearRecurrenceGradient(
    _ call: LinearRecurrenceShape, _ operands: RecurrenceOperands, sequences: [RecurrenceSequence], gradient: Tensor,
    into gradients: RecurrenceOperands
  ) {
    call.checkGradientShapes(operands, sequences: sequences, gradient: gradient, gradients: gradients)
    // These are sums over the heads of a group.
    for tensor in [gradients.key, gradients.value] { fill(tensor, with: 0) }
    for sequence in sequences {
      for head in 0..<call.heads {
        RecurrenceHeadGradient(call, head, operands, sequence, gradient: gradient).run(into: gradients)
      }
    }
  }
}

/// The gradient of one head of one sequence: with `S'_t = e^g_t S_(t-1)` the decayed state, `d_t` what token `t` writes
/// and `G` the gradient of the state,
///
///     G += scale q_t dO_t^T           dq_t = scale S_t dO_t
///     dd = G^T k_t                    dk_t = G d_t
///     de = beta_t dd = dv_t           dbeta_t = (v_t - S'_t^T k_t) dd     dk_t -= S'_t de
///     G -= k_t de^T                   dg_t = <G, S'_t>                    G = e^g_t G
///
/// Where values are added as they are, `d_t = v_t` and `dv_t = dd`, and nothing is read from the state.
private struct RecurrenceHeadGradient {
  let call: LinearRecurrenceShape
  let operands: RecurrenceOperands
  let sequence: RecurrenceSequence
  let gradient: Tensor
  let head: Int
  /// Columns of queries, of keys, of values and of results.
  let own: Int
  let keys: Int
  let values: Int
  let results: Int

  init(
    _ call: LinearRecurrenceShape, _ head: Int, _ operands: RecurrenceOperands, _ sequence: RecurrenceSequence,
    gradient: Tensor
  ) {
    self.call = call
    self.operands = operands
    self.sequence = sequence
    self.gradient = gradient
    self.head = head
    let group = head / (call.heads / call.keyValueHeads)
    (own, results) = (head * call.keyDimension, head * call.valueDimension)
    (keys, values) = (group * call.keyDimension, group * call.valueDimension)
  }

  /// The state as a token finds it after its decay, what is wrong in it and what the token writes.
  private struct Step {
    var decayed: Matrix
    var error: [Double]
    var update: [Double]
  }

  func run(into gradients: RecurrenceOperands) {
    let states = head * call.keyDimension..<(head + 1) * call.keyDimension
    func matrix(_ tensor: Tensor?) -> Matrix {
      tensor.map { Matrix($0.rows(states), columns: 0..<call.valueDimension) }
        ?? Matrix(rows: call.keyDimension, columns: call.valueDimension)
    }
    var state = matrix(sequence.initialState)
    let steps = sequence.rows.map { step($0, &state) }
    var stateGradient = matrix(sequence.finalStateGradient)
    for (t, step) in zip(sequence.rows, steps).reversed() { back(t, step, &stateGradient, into: gradients) }
    if let target = sequence.initialStateGradient { stateGradient.write(to: target.rows(states), firstColumn: 0) }
  }

  private func decay(_ t: Int, _ row: Int) -> Double {
    exp(operands.logDecay.doubles(row: t)[call.decay == .perHead ? head : own + row])
  }

  private func step(_ t: Int, _ state: inout Matrix) -> Step {
    for row in 0..<state.rows {
      let decay = decay(t, row)
      for column in 0..<state.columns { state[row, column] *= decay }
    }
    let (key, value) = (operands.key.doubles(row: t), operands.value.doubles(row: t))
    var step = Step(decayed: state, error: (0..<state.columns).map { value[values + $0] }, update: [])
    if let beta = operands.beta {
      for column in 0..<state.columns {
        for row in 0..<state.rows { step.error[column] -= state[row, column] * key[keys + row] }
      }
      step.update = step.error.map { beta.doubles(row: t)[head] * $0 }
    } else {
      step.update = step.error
    }
    for row in 0..<state.rows {
      for column in 0..<state.columns { state[row, column] += key[keys + row] * step.update[column] }
    }
    return step
  }

  private func back(_ t: Int, _ step: Step, _ state: inout Matrix, into gradients: RecurrenceOperands) {
    let (key, query) = (operands.key.doubles(row: t), operands.query.doubles(row: t))
    let reached = gradient.doubles(row: t)
    let beta = operands.beta?.doubles(row: t)[head]
    for row in 0..<state.rows {
      for column in 0..<state.columns {
        state[row, column] += call.scale * query[own + row] * reached[results + column]
      }
    }
    let updateGradient = (0..<state.columns).map { column in
      (0..<state.rows).reduce(0) { $0 + state[$1, column] * key[keys + $1] }
    }
    let valueGradient = updateGradient.map { (beta ?? 1) * $0 }
    for column in 0..<state.columns { gradients.value.doubles(row: t)[values + column] += valueGradient[column] }
    gradients.beta?.doubles(row: t)[head] = zip(step.error, updateGradient).reduce(0) { $0 + $1.0 * $1.1 }

    var headDecay = 0.0
    for row in 0..<state.rows {
      let decay = decay(t, row)
      var (queryGradient, keyGradient, decayGradient) = (0.0, 0.0, 0.0)
      for column in 0..<state.columns {
        let decayed = step.decayed[row, column]
        queryGradient += call.scale * (decayed + key[keys + row] * step.update[column]) * reached[results + column]
        keyGradient += state[row, column] * step.update[column]
        if beta != nil {
          keyGradient -= decayed * valueGradient[column]
          state[row, column] -= key[keys + row] * valueGradient[column]
        }
        decayGradient += state[row, column] * decayed
        state[row, column] *= decay
      }
      gradients.query.doubles(row: t)[own + row] = queryGradient
      gradients.key.doubles(row: t)[keys + row] += keyGradient
      if call.decay == .perChannel { gradients.logDecay.doubles(row: t)[own + row] = decayGradient }
      headDecay += decayGradient
    }
    if call.decay == .perHead { gradients.logDecay.doubles(row: t)[head] = headDecay }
  }
}
