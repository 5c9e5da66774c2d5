import CKernels
import HybridizeCore

extension CPUBackend {
  public func attentionGradient(
    _ call: AttentionShape, query: Tensor, sequences: [SequenceCache], gradient: Tensor, into queryGradient: Tensor,
    _ keyGradient: Tensor, _ valueGradient: Tensor
  ) {
    call.checkGradientShapes(
      query: query, sequences: sequences, gradient: gradient, queryGradient: queryGradient, keyGradient: keyGradient,
      valueGradient: valueGradient)
    let width = call.headDimension
    let longest = sequences.reduce(0) { max($0, $1.rows.count) }
    // Sums over queries and over the heads of a group are made within an item, in order.
    pool.run(
      sequences.count * call.keyValueHeads, scratch: ck_attention_gradient_scratch(longest, width)
    ) { item, scratch in
      let (sequence, head) = (sequences[item / call.keyValueHeads], item % call.keyValueHeads)
      guard !sequence.rows.isEmpty else { return }
      let first = sequence.rows.lowerBound
      let column = head * call.group * width
      let forward = ck_attention_block(
        type: sequence.keys.kernelType, group: call.group, rows: sequence.rows.count, dimension: width,
        query: query.row(first) + column, query_stride: query.columns,
        keys: sequence.keys.address(head: head, row: 0), values: sequence.values.address(head: head, row: 0),
        position: 0, window: call.window?.size ?? Int.max, sinks: call.window?.sinks ?? 0, scale: Float(call.scale),
        out: queryGradient.row(first) + column)
      var job = ck_attention_gradient(
        forward: forward, out_gradient: gradient.row(first) + column, query_gradient: queryGradient.row(first) + column,
        key_gradient: keyGradient.row(first) + head * width, value_gradient: valueGradient.row(first) + head * width,
        key_stride: keyGradient.columns)
      kernels.attention_gradient(&job, scratch)
    }
  }
}
