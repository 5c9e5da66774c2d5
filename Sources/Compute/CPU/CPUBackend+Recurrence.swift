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
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor,
    state: Tensor, into out: Tensor
  ) {
    call.checkShapes(
      query: query, key: key, value: value, logDecay: logDecay, beta: beta, state: state, out: out)
    func job(_ head: Int) -> ck_delta_rule {
      let group = head / (call.heads / call.keyValueHeads)
      return ck_delta_rule(
        tokens: query.rows, key_dimension: call.keyDimension, value_dimension: call.valueDimension,
        query: query.floats + head * call.keyDimension, query_stride: query.columns,
        key: key.floats + group * call.keyDimension, key_stride: key.columns,
        value: value.floats + group * call.valueDimension, value_stride: value.columns,
        log_decay: logDecay.floats + head, beta: beta.floats + head, gate_stride: call.heads,
        scale: Float(call.scale), state: state.floats + head * call.keyDimension * call.valueDimension,
        out: out.floats + head * call.valueDimension, out_stride: out.columns)
    }
    if let chunkSize = call.chunkSize {
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
      pool.run(call.heads * strips) { item, _ in
        var head = job(item / strips)
        let first = item % strips * Self.columnsAStrip
        kernels.delta_rule(&head, first, min(Self.columnsAStrip, call.valueDimension - first))
      }
    }
  }

  private static let columnsAStrip = 64
}

extension LinearRecurrenceShape {
  /// - Precondition: the operands fit.
  func checkShapes(
    query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor, state: Tensor, out: Tensor
  ) {
    let tokens = query.rows
    precondition(query.columns == heads * keyDimension, "linearRecurrence: wrong shape of query")
    precondition(
      key.rows == tokens && key.columns == keyValueHeads * keyDimension, "linearRecurrence: wrong shape of key")
    precondition(
      value.rows == tokens && value.columns == keyValueHeads * valueDimension, "linearRecurrence: wrong shape of value")
    precondition(
      logDecay.rows == tokens && logDecay.columns == heads && beta.hasShape(of: logDecay),
      "linearRecurrence: wrong shape of logDecay or beta")
    precondition(
      state.rows == heads * keyDimension && state.columns == valueDimension, "linearRecurrence: wrong shape of state")
    precondition(
      out.rows == tokens && out.columns == heads * valueDimension, "linearRecurrence: wrong shape of out")
    precondition(chunkSize.map { $0 > 0 } ?? true, "linearRecurrence: an empty chunk")
  }
}
