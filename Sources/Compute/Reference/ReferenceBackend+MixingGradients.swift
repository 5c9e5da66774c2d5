import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  /// A rotation by the opposite angles.
  public func rotateGradient(_ gradient: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    let opposite = makeTensor(rows: sine.rows, columns: sine.columns)
    for index in 0..<sine.elementCount { opposite.doubles[index] = -sine.doubles[index] }
    rotate(gradient, headDimension: headDimension, cosine: cosine, sine: opposite)
  }

  public func attentionGradient(
    _ call: AttentionShape, query: Tensor, sequences: [SequenceCache], gradient: Tensor, into queryGradient: Tensor,
    _ keyGradient: Tensor, _ valueGradient: Tensor
  ) {
    call.checkGradientShapes(
      query: query, sequences: sequences, gradient: gradient, queryGradient: queryGradient, keyGradient: keyGradient,
      valueGradient: valueGradient)
    for tensor in [queryGradient, keyGradient, valueGradient] { fill(tensor, with: 0) }
    for sequence in sequences {
      for (position, token) in sequence.rows.enumerated() {
        for head in 0..<call.heads {
          addAttentionGradient(
            call, head, position: position, sequence: sequence, query: query.rows(token..<token + 1),
            gradient: gradient.rows(token..<token + 1), into: queryGradient.rows(token..<token + 1),
            keyGradient.rows(sequence.rows), valueGradient.rows(sequence.rows))
        }
      }
    }
  }

  /// One query of one head: with weights `P` of its softmax, `dP_j = v_j dO` and `dS_j = P_j (dP_j - sum_j P_j dP_j)`.
  private func addAttentionGradient(
    _ call: AttentionShape, _ head: Int, position: Int, sequence: SequenceCache, query: Tensor, gradient: Tensor,
    into queryGradient: Tensor, _ keyGradient: Tensor, _ valueGradient: Tensor
  ) {
    let width = call.headDimension
    let group = head / (call.heads / call.keyValueHeads)
    let (own, shared) = (head * width..<(head + 1) * width, group * width..<(group + 1) * width)
    let (sinks, rest) = call.visible(at: position)
    let rows = Array(sinks) + Array(rest)
    let (q, dO) = (query.doubles[own], gradient.doubles[own])
    let scores = rows.map { row in
      call.scale * zip(q, sequence.keys.doubles(head: group, row: row)).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let greatest = scores.max() ?? 0
    let total = scores.reduce(0) { $0 + exp($1 - greatest) }
    let weights = scores.map { exp($0 - greatest) / total }
    let weightGradients = rows.map { row in
      zip(dO, sequence.values.doubles(head: group, row: row)).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let mean = zip(weights, weightGradients).reduce(0) { $0 + $1.0 * $1.1 }
    for (index, row) in rows.enumerated() {
      let score = call.scale * weights[index] * (weightGradients[index] - mean)
      let key = sequence.keys.doubles(head: group, row: row)
      for channel in 0..<width {
        queryGradient.doubles[own.lowerBound + channel] += score * key[channel]
        keyGradient.doubles(row: row)[shared.lowerBound + channel] += score * q[own.lowerBound + channel]
        valueGradient.doubles(row: row)[shared.lowerBound + channel] += weights[index] * dO[own.lowerBound + channel]
      }
    }
  }

  public func convolutionGradient(
    _ x: Tensor, weight: Weight, sequences: [Range<Int>], gradient: Tensor, into xGradient: Tensor,
    addingTo weightGradient: Tensor?
  ) {
    weight.checkConvolutionGradient(
      x, sequences: sequences, gradient: gradient, xGradient: xGradient, weightGradient: weightGradient)
    fill(xGradient, with: 0)
    for sequence in sequences {
      for token in sequence {
        for tap in 0..<weight.columns {
          let source = token - (weight.columns - 1) + tap
          guard source >= sequence.lowerBound else { continue }
          for channel in 0..<x.columns {
            let reached = gradient.doubles(row: token)[channel]
            xGradient.doubles(row: source)[channel] += weight.doubles(row: channel)[tap] * reached
            weightGradient?.doubles(row: channel)[tap] += reached * x.doubles(row: source)[channel]
          }
        }
      }
    }
  }

  public func logDecayGradient(
    _ x: Tensor, logRate: Weight, bias: Weight, bound: Double?, inPlace gradient: Tensor,
    addingTo rateGradient: Tensor?, _ biasGradient: Tensor?
  ) {
    x.checkLogDecayGradient(
      logRate: logRate, bias: bias, bound: bound, gradient: gradient, rateGradient: rateGradient,
      biasGradient: biasGradient)
    let channels = x.columns / logRate.columns
    for row in 0..<x.rows {
      let (values, gradients) = (x.doubles(row: row), gradient.doubles(row: row))
      for column in 0..<x.columns {
        let rate = exp(logRate.doubles[column / channels])
        let z = values[column] + bias.doubles[column]
        // By x, and by the logarithm of the rate.
        let (slope, rateSlope): (Double, Double)
        if let bound {
          slope = bound * logistic(rate * z) * logistic(-rate * z) * rate
          rateSlope = slope * z
        } else {
          slope = -rate * logistic(z)
          rateSlope = -rate * softplus(z)
        }
        rateGradient?.doubles[column / channels] += gradients[column] * rateSlope
        gradients[column] *= slope
        biasGradient?.doubles[column] += gradients[column]
      }
    }
  }

  public func logSigmoidGradient(_ x: Tensor, scale: Double, inPlace gradient: Tensor) {
    precondition(x.hasShape(of: gradient), "logSigmoid: wrong shape of a gradient")
    for index in 0..<x.elementCount { gradient.doubles[index] *= scale * logistic(-x.doubles[index]) }
  }
}
