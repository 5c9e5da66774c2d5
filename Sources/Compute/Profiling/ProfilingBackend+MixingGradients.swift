import HybridizeCore

extension ProfilingBackend {
  public func rotateGradient(_ gradient: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    clocked(.rotary) { base.rotateGradient(gradient, headDimension: headDimension, cosine: cosine, sine: sine) }
  }

  public func attentionGradient(
    _ call: AttentionShape, query: Tensor, sequences: [SequenceCache], gradient: Tensor, into queryGradient: Tensor,
    _ keyGradient: Tensor, _ valueGradient: Tensor
  ) {
    clocked(.attention) {
      base.attentionGradient(
        call, query: query, sequences: sequences, gradient: gradient, into: queryGradient, keyGradient, valueGradient)
    }
  }

  public func convolutionGradient(
    _ x: Tensor, weight: Weight, sequences: [Range<Int>], gradient: Tensor, into xGradient: Tensor,
    addingTo weightGradient: Tensor?
  ) {
    clocked(.convolution) {
      base.convolutionGradient(
        x, weight: weight, sequences: sequences, gradient: gradient, into: xGradient, addingTo: weightGradient)
    }
  }

  public func logDecayGradient(
    _ x: Tensor, logRate: Weight, bias: Weight, bound: Double?, inPlace gradient: Tensor,
    addingTo rateGradient: Tensor?, _ biasGradient: Tensor?
  ) {
    clocked(.elementwise) {
      base.logDecayGradient(
        x, logRate: logRate, bias: bias, bound: bound, inPlace: gradient, addingTo: rateGradient, biasGradient)
    }
  }

  public func logSigmoidGradient(_ x: Tensor, scale: Double, inPlace gradient: Tensor) {
    clocked(.elementwise) { base.logSigmoidGradient(x, scale: scale, inPlace: gradient) }
  }

  public func linearRecurrenceGradient(
    _ call: LinearRecurrenceShape, _ operands: RecurrenceOperands, sequences: [RecurrenceSequence], gradient: Tensor,
    into gradients: RecurrenceOperands
  ) {
    clocked(.recurrence) {
      base.linearRecurrenceGradient(call, operands, sequences: sequences, gradient: gradient, into: gradients)
    }
  }
}
