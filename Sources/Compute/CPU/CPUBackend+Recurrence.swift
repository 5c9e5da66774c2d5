import CKernels
import HybridizeCore

extension CPUBackend {
  public func convolution(_ x: Tensor, weight: Weight, history: Tensor, into out: Tensor) {
    let kernel = weight.columns
    precondition(x.hasShape(of: out) && weight.rows == x.columns && kernel > 0, "convolution: wrong shape")
    precondition(history.rows == kernel - 1 && history.columns == x.columns, "convolution: wrong history")
    let channels = ck_convolution_channels
    let type = weight.elementType.kernelType
    pool.run((x.columns + channels - 1) / channels, scratch: 2 * kernel * channels) { item, scratch in
      let first = item * channels
      let count = min(channels, x.columns - first)
      let taps = scratch + kernel * channels
      kernels.widen(type, weight.row(first), count * kernel, taps)
      kernels.convolution(
        x.floats + first, x.rows, count, x.columns, taps, kernel, history.floats + first, out.floats + first, scratch)
    }
  }

  public func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?,
    state: Tensor, into out: Tensor
  ) {
    call.checkShapes(
      query: query, key: key, value: value, logDecay: logDecay, beta: beta, state: state, out: out)
    func job(_ head: Int) -> ck_linear_recurrence {
      let group = head / (call.heads / call.keyValueHeads)
      return ck_linear_recurrence(
        tokens: query.rows, key_dimension: call.keyDimension, value_dimension: call.valueDimension,
        query: query.floats + head * call.keyDimension, query_stride: query.columns,
        key: key.floats + group * call.keyDimension, key_stride: key.columns,
        value: value.floats + group * call.valueDimension, value_stride: value.columns,
        log_decay: logDecay.floats + head * call.decayChannels, log_decay_stride: logDecay.columns,
        per_channel: call.decay == .perChannel ? 1 : 0, beta: beta.map { UnsafePointer($0.floats + head) },
        beta_stride: call.heads,
        scale: Float(call.scale), state: state.floats + head * call.keyDimension * call.valueDimension,
        out: out.floats + head * call.valueDimension, out_stride: out.columns)
    }
    if let chunkSize = call.chunkSize, call.decay == .perHead, call.update == .delta {
      let chunk = min(chunkSize, max(query.rows, 1))
      let scratch = ck_chunk_scratch(chunk, call.keyDimension, call.valueDimension)
      pool.run(call.heads, scratch: scratch) { head, scratch in
        var call = job(head)
        kernels.delta_rule_chunked(&call, chunk, product.multiply, scratch)
      }
    } else {
      // At the usual 64 or 128 columns the state of a head stays in the first-level cache for all of time, which
      // beats the products of the chunked form.
      let strips = (call.valueDimension + Self.columnsAStrip - 1) / Self.columnsAStrip
      let scratch = call.decay == .perChannel ? ck_recurrence_scratch(call.keyDimension) : 0
      pool.run(call.heads * strips, scratch: scratch) { item, scratch in
        var head = job(item / strips)
        let first = item % strips * Self.columnsAStrip
        kernels.linear_recurrence(&head, first, min(Self.columnsAStrip, call.valueDimension - first), scratch)
      }
    }
  }

  private static let columnsAStrip = 64
}

extension LinearRecurrenceShape {
  /// Log decays of a head.
  var decayChannels: Int { decayWidth / heads }

  /// - Precondition: the operands fit.
  func checkShapes(
    query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?, state: Tensor, out: Tensor
  ) {
    let tokens = query.rows
    precondition(query.columns == heads * keyDimension, "linearRecurrence: wrong shape of query")
    precondition(
      key.rows == tokens && key.columns == keyValueHeads * keyDimension, "linearRecurrence: wrong shape of key")
    precondition(
      value.rows == tokens && value.columns == keyValueHeads * valueDimension, "linearRecurrence: wrong shape of value")
    precondition(
      logDecay.rows == tokens && logDecay.columns == decayWidth, "linearRecurrence: wrong shape of logDecay")
    precondition((beta != nil) == (update == .delta), "linearRecurrence: beta without delta rule, or the reverse")
    precondition(
      beta.map { $0.rows == tokens && $0.columns == heads } ?? true, "linearRecurrence: wrong shape of beta")
    precondition(
      state.rows == heads * keyDimension && state.columns == valueDimension, "linearRecurrence: wrong shape of state")
    precondition(
      out.rows == tokens && out.columns == heads * valueDimension, "linearRecurrence: wrong shape of out")
    precondition(chunkSize.map { $0 > 0 } ?? true, "linearRecurrence: an empty chunk")
  }
}
