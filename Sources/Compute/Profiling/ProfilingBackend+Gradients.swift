extension ProfilingBackend {
  public func weight(sharing tensor: Tensor) -> Weight { base.weight(sharing: tensor) }

  public func embedGradient(_ ids: [Int], _ gradient: Tensor, addingTo tableGradient: Tensor) {
    clocked(.memory) { base.embedGradient(ids, gradient, addingTo: tableGradient) }
  }
  public func linearInputGradient(_ gradients: [Tensor], _ weights: [Weight], adding: Bool, into xGradient: Tensor) {
    clocked(.linear, arithmetic: weights.reduce(0) { $0 + xGradient.arithmetic($1) }) {
      base.linearInputGradient(gradients, weights, adding: adding, into: xGradient)
    }
  }
  public func linearWeightGradient(_ x: Tensor, _ gradient: Tensor, addingTo weightGradient: Tensor) {
    clocked(.linear, arithmetic: 2 * x.rows * x.columns * gradient.columns) {
      base.linearWeightGradient(x, gradient, addingTo: weightGradient)
    }
  }
  public func biasGradient(_ gradient: Tensor, addingTo biasGradient: Tensor) {
    clocked(.elementwise) { base.biasGradient(gradient, addingTo: biasGradient) }
  }

  public func rmsNormGradient(
    _ x: Tensor, gain: Weight, epsilon: Double, gradient: Tensor, into xGradient: Tensor,
    addingTo gainGradient: Tensor?
  ) {
    clocked(.norm) {
      base.rmsNormGradient(
        x, gain: gain, epsilon: epsilon, gradient: gradient, into: xGradient, addingTo: gainGradient)
    }
  }
  public func l2NormalizeGradient(_ x: Tensor, groupSize: Int, epsilon: Double, inPlace gradient: Tensor) {
    clocked(.norm) { base.l2NormalizeGradient(x, groupSize: groupSize, epsilon: epsilon, inPlace: gradient) }
  }
  public func siluGradient(_ x: Tensor, inPlace gradient: Tensor) {
    clocked(.elementwise) { base.siluGradient(x, inPlace: gradient) }
  }
  public func multiplySiLUGradient(_ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor) {
    clocked(.elementwise) { base.multiplySiLUGradient(x, gate: gate, inPlace: gradient, into: gateGradient) }
  }
  public func sigmoidGradient(_ y: Tensor, inPlace gradient: Tensor) {
    clocked(.elementwise) { base.sigmoidGradient(y, inPlace: gradient) }
  }
  public func multiplySigmoidGradient(
    _ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor
  ) {
    clocked(.elementwise) { base.multiplySigmoidGradient(x, gate: gate, inPlace: gradient, into: gateGradient) }
  }
  public func scaleChannelsGradient(
    _ x: Tensor, gain: Weight, inPlace gradient: Tensor, addingTo gainGradient: Tensor?
  ) {
    clocked(.elementwise) { base.scaleChannelsGradient(x, gain: gain, inPlace: gradient, addingTo: gainGradient) }
  }

  public func divergenceGradient(
    teacher: Tensor, inPlace student: Tensor, temperature: Double, scale: Double, into losses: Tensor
  ) {
    clocked(.loss) {
      base.divergenceGradient(
        teacher: teacher, inPlace: student, temperature: temperature, scale: scale, into: losses)
    }
  }
  public func divergenceGradient(
    teacher: SparseDistributions, inPlace student: Tensor, scale: Double, into losses: Tensor
  ) {
    clocked(.loss) { base.divergenceGradient(teacher: teacher, inPlace: student, scale: scale, into: losses) }
  }
  public func crossEntropyGradient(targets: [Int?], inPlace logits: Tensor, scale: Double, into losses: Tensor) {
    clocked(.loss) { base.crossEntropyGradient(targets: targets, inPlace: logits, scale: scale, into: losses) }
  }
  public func distanceGradient(
    teacher: Tensor, inPlace student: Tensor, squared: Bool, scale: Double, into losses: Tensor
  ) {
    clocked(.loss) {
      base.distanceGradient(teacher: teacher, inPlace: student, squared: squared, scale: scale, into: losses)
    }
  }

  public func sumOfSquares(_ x: Tensor) -> Double { clocked(.optimizer) { base.sumOfSquares(x) } }
  public func adamStep(_ step: AdamStep, parameters: Tensor, gradient: Tensor, mean: Tensor, variance: Tensor) {
    clocked(.optimizer) {
      base.adamStep(step, parameters: parameters, gradient: gradient, mean: mean, variance: variance)
    }
  }
}
