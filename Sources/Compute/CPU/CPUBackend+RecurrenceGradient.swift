import CKernels
import HybridizeCore

extension CPUBackend {
  /// In chunks where one decay a head goes with the delta rule, unless they are of one token; otherwise token by token.
  public func linearRecurrenceGradient(
    _ call: LinearRecurrenceShape, _ operands: RecurrenceOperands, sequences: [RecurrenceSequence], gradient: Tensor,
    into gradients: RecurrenceOperands
  ) {
    call.checkGradientShapes(operands, sequences: sequences, gradient: gradient, gradients: gradients)
    let longest = sequences.reduce(0) { max($0, $1.rows.count) }
    let chunk = min(call.chunkSize ?? Self.tokensAChunk, max(longest, 1))
    let isChunked = call.decay == .perHead && call.update == .delta && chunk > 1
    let scratch =
      isChunked
      ? ck_delta_rule_gradient_scratch(longest, chunk, call.keyDimension, call.valueDimension)
      : ck_recurrence_gradient_scratch(longest, call.keyDimension, call.valueDimension)
    let group = call.heads / call.keyValueHeads
    // Sums over the heads of a group are made within an item, in order.
    pool.run(sequences.count * call.keyValueHeads, scratch: scratch) { item, scratch in
      let (sequence, keyHead) = (sequences[item / call.keyValueHeads], item % call.keyValueHeads)
      for member in 0..<group {
        var head = job(call, sequence, keyHead * group + member, operands, gradient, gradients)
        if isChunked {
          kernels.delta_rule_gradient(&head, chunk, scratch)
        } else {
          kernels.linear_recurrence_gradient(&head, scratch)
        }
      }
    }
  }

  /// The fastest at 64 and at 128 channels, 3 % before 12 and 24; 64 tokens take a quarter longer.
  private static let tokensAChunk = 16

  private func job(
    _ call: LinearRecurrenceShape, _ sequence: RecurrenceSequence, _ head: Int, _ operands: RecurrenceOperands,
    _ gradient: Tensor, _ gradients: RecurrenceOperands
  ) -> ck_recurrence_gradient {
    let group = call.heads / call.keyValueHeads
    let first = sequence.rows.lowerBound
    let (own, result) = (head * call.keyDimension, head * call.valueDimension)
    let (key, value) = (head / group * call.keyDimension, head / group * call.valueDimension)
    func place(_ tensor: Tensor, _ column: Int) -> UnsafeMutablePointer<Float> { tensor.row(first) + column }
    // Only the gradient is looked for: the state and what comes out are not touched.
    let nothing = place(gradient, result)
    let forward = ck_linear_recurrence(
      tokens: sequence.rows.count, key_dimension: call.keyDimension, value_dimension: call.valueDimension,
      query: place(operands.query, own), query_stride: operands.query.columns, key: place(operands.key, key),
      key_stride: operands.key.columns, value: place(operands.value, value), value_stride: operands.value.columns,
      log_decay: place(operands.logDecay, head * call.decayChannels), log_decay_stride: operands.logDecay.columns,
      per_channel: call.decay == .perChannel ? 1 : 0, beta: operands.beta.map { UnsafePointer(place($0, head)) },
      beta_stride: call.heads, scale: Float(call.scale), state: nothing, out: nothing, out_stride: gradient.columns)
    return ck_recurrence_gradient(
      forward: forward, out_gradient: place(gradient, result),
      initial_state: sequence.initialState.map { UnsafePointer($0.row(own)) },
      final_gradient: sequence.finalStateGradient.map { UnsafePointer($0.row(own)) },
      query_gradient: place(gradients.query, own), key_gradient: place(gradients.key, key),
      value_gradient: place(gradients.value, value),
      decay_gradient: place(gradients.logDecay, head * call.decayChannels),
      beta_gradient: gradients.beta.map { place($0, head) },
      initial_gradient: sequence.initialStateGradient.map { $0.row(own) }, adding: head % group == 0 ? 0 : 1)
  }
}
