import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  // MARK: Parameters

  public func weight(sharing tensor: Tensor) -> Weight {
    tensor.sharedWeight(as: .float64)
  }

  // MARK: Dense layers

  public func embedGradient(_ ids: [Int], _ gradient: Tensor, addingTo tableGradient: Tensor) {
    tableGradient.checkTableGradient(ids, gradient)
    for (row, id) in ids.enumerated() { accumulate(gradient.doubles(row: row), to: tableGradient.doubles(row: id)) }
  }

  public func linearInputGradient(
    _ gradients: [Tensor], _ weights: [Weight], adding: Bool, into xGradient: Tensor
  ) {
    xGradient.checkInputGradient(gradients, weights)
    if !adding { fill(xGradient, with: 0) }
    for (gradient, weight) in zip(gradients, weights) {
      for token in 0..<gradient.rows {
        let (row, target) = (gradient.doubles(row: token), xGradient.doubles(row: token))
        for output in 0..<weight.rows {
          let factors = weight.doubles(row: output)
          for input in 0..<weight.columns { target[input] += row[output] * factors[input] }
        }
      }
    }
  }

  public func linearWeightGradient(_ x: Tensor, _ gradient: Tensor, addingTo weightGradient: Tensor) {
    weightGradient.checkWeightGradient(x, gradient)
    for token in 0..<x.rows {
      let (row, factors) = (x.doubles(row: token), gradient.doubles(row: token))
      for output in 0..<gradient.columns {
        let target = weightGradient.doubles(row: output)
        for input in 0..<x.columns { target[input] += factors[output] * row[input] }
      }
    }
  }

  public func biasGradient(_ gradient: Tensor, addingTo biasGradient: Tensor) {
    biasGradient.checkVector(columns: gradient.columns, in: "biasGradient")
    for row in 0..<gradient.rows { accumulate(gradient.doubles(row: row), to: biasGradient.doubles) }
  }

  private func accumulate(
    _ source: UnsafeMutableBufferPointer<Double>, to target: UnsafeMutableBufferPointer<Double>
  ) {
    for index in source.indices { target[index] += source[index] }
  }

  // MARK: Norms and activations

  /// With `r = 1 / sqrt(mean(x^2) + epsilon)`, `n = r x` and `d = gradient * gain`: `r (d - n mean(n d))`.
  public func rmsNormGradient(
    _ x: Tensor, gain: Weight, epsilon: Double, gradient: Tensor, into xGradient: Tensor,
    addingTo gainGradient: Tensor?
  ) {
    x.checkSameShape(as: gradient, xGradient, in: "rmsNormGradient")
    gainGradient?.checkVector(columns: gain.columns, in: "rmsNormGradient")
    let width = Double(gain.columns)
    forEachGroup(of: x, width: gain.columns) { group in
      let scale = 1 / sqrt(group.reduce(0) { $0 + x.doubles[$1] * x.doubles[$1] } / width + epsilon)
      let normalized = group.map { scale * x.doubles[$0] }
      let scaled = group.enumerated().map { gradient.doubles[$1] * gain.doubles[$0] }
      let mean = zip(normalized, scaled).reduce(0) { $0 + $1.0 * $1.1 } / width
      for (channel, index) in group.enumerated() {
        gainGradient?.doubles[channel] += gradient.doubles[index] * normalized[channel]
        xGradient.doubles[index] = scale * (scaled[channel] - normalized[channel] * mean)
      }
    }
  }

  /// With `r = 1 / sqrt(sum(x^2) + epsilon)` and `y = r x`: `r (gradient - y sum(y gradient))`.
  public func l2NormalizeGradient(_ x: Tensor, groupSize: Int, epsilon: Double, inPlace gradient: Tensor) {
    x.checkSameShape(as: gradient, in: "l2NormalizeGradient")
    forEachGroup(of: x, width: groupSize) { group in
      let scale = 1 / sqrt(group.reduce(0) { $0 + x.doubles[$1] * x.doubles[$1] } + epsilon)
      let sum = group.reduce(0) { $0 + scale * x.doubles[$1] * gradient.doubles[$1] }
      for index in group {
        gradient.doubles[index] = scale * (gradient.doubles[index] - scale * x.doubles[index] * sum)
      }
    }
  }

  public func siluGradient(_ x: Tensor, inPlace gradient: Tensor) {
    x.checkSameShape(as: gradient, in: "siluGradient")
    for index in 0..<x.elementCount { gradient.doubles[index] *= siluSlope(x.doubles[index]) }
  }

  public func multiplySiLUGradient(_ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor) {
    x.checkSameShape(as: gate, gradient, gateGradient, in: "multiplySiLUGradient")
    for index in 0..<x.elementCount {
      let (z, change) = (gate.doubles[index], gradient.doubles[index])
      gateGradient.doubles[index] = change * x.doubles[index] * siluSlope(z)
      gradient.doubles[index] = change * z * logistic(z)
    }
  }

  public func sigmoidGradient(_ y: Tensor, inPlace gradient: Tensor) {
    y.checkSameShape(as: gradient, in: "sigmoidGradient")
    for index in 0..<y.elementCount { gradient.doubles[index] *= y.doubles[index] * (1 - y.doubles[index]) }
  }

  public func multiplySigmoidGradient(
    _ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor
  ) {
    x.checkSameShape(as: gate, gradient, gateGradient, in: "multiplySigmoidGradient")
    for index in 0..<x.elementCount {
      let (z, change) = (gate.doubles[index], gradient.doubles[index])
      gateGradient.doubles[index] = change * x.doubles[index] * logistic(z) * logistic(-z)
      gradient.doubles[index] = change * logistic(z)
    }
  }

  public func scaleChannelsGradient(
    _ x: Tensor, gain: Weight, inPlace gradient: Tensor, addingTo gainGradient: Tensor?
  ) {
    x.checkSameShape(as: gradient, in: "scaleChannelsGradient")
    gainGradient?.checkVector(columns: gain.columns, in: "scaleChannelsGradient")
    forEachGroup(of: x, width: gain.columns) { group in
      for (channel, index) in group.enumerated() {
        gainGradient?.doubles[channel] += gradient.doubles[index] * x.doubles[index]
        gradient.doubles[index] *= gain.doubles[channel]
      }
    }
  }

  private func siluSlope(_ x: Double) -> Double { logistic(x) * (1 + x * logistic(-x)) }

  // MARK: Optimiser

  public func sumOfSquares(_ x: Tensor) -> Double { x.doubles.reduce(0) { $0 + $1 * $1 } }

  public func adamStep(
    _ step: AdamStep, parameters: Tensor, gradient: Tensor, mean: Tensor, variance: Tensor
  ) {
    parameters.checkSameShape(as: gradient, mean, variance, in: "adamStep")
    for index in 0..<parameters.elementCount {
      let g = step.gradientScale * gradient.doubles[index]
      let m = step.beta1 * mean.doubles[index] + (1 - step.beta1) * g
      let v = step.beta2 * variance.doubles[index] + (1 - step.beta2) * g * g
      (mean.doubles[index], variance.doubles[index]) = (m, v)
      let change = m / step.correction1 / (sqrt(v / step.correction2) + step.epsilon)
      parameters.doubles[index] -= step.rate * (change + step.weightDecay * parameters.doubles[index])
    }
  }
}
