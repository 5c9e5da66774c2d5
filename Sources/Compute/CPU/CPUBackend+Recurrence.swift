import CKernels
import HybridizeCore

extension CPUBackend {
  public func convolution(_ x: Tensor, weight: Weight, sequences: [SequenceState], into out: Tensor) {
    weight.checkConvolution(x, sequences: sequences, out: out)
    let kernel = weight.columns
    let channels = ck_convolution_channels
    let type = weight.kernelType
    let pieces = (x.columns + channels - 1) / channels
    pool.run(sequences.count * pieces, scratch: 2 * kernel * channels) { item, scratch in
      let sequence = sequences[item / pieces]
      let first = item % pieces * channels
      let count = min(channels, x.columns - first)
      let taps = scratch + kernel * channels
      kernels.widen(type, weight.row(first), count * kernel, taps)
      kernels.convolution(
        x.row(sequence.rows.lowerBound) + first, sequence.rows.count, count, x.columns, taps, kernel,
        sequence.state.floats + first, out.row(sequence.rows.lowerBound) + first, scratch)
    }
  }

  public func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?,
    sequences: [SequenceState], into out: Tensor
  ) {
    call.checkShapes(
      query: query, key: key, value: value, logDecay: logDecay, beta: beta, sequences: sequences, out: out)
    func job(_ sequence: SequenceState, _ head: Int) -> ck_linear_recurrence {
      let group = head / (call.heads / call.keyValueHeads)
      let first = sequence.rows.lowerBound
      return ck_linear_recurrence(
        tokens: sequence.rows.count, key_dimension: call.keyDimension, value_dimension: call.valueDimension,
        query: query.row(first) + head * call.keyDimension, query_stride: query.columns,
        key: key.row(first) + group * call.keyDimension, key_stride: key.columns,
        value: value.row(first) + group * call.valueDimension, value_stride: value.columns,
        log_decay: logDecay.row(first) + head * call.decayChannels, log_decay_stride: logDecay.columns,
        per_channel: call.decay == .perChannel ? 1 : 0, beta: beta.map { UnsafePointer($0.row(first) + head) },
        beta_stride: call.heads, scale: Float(call.scale), state: sequence.state.row(head * call.keyDimension),
        out: out.row(first) + head * call.valueDimension, out_stride: out.columns)
    }
    if let chunkSize = call.chunkSize, call.decay == .perHead, call.update == .delta {
      let chunk = min(chunkSize, max(query.rows, 1))
      let scratch = ck_chunk_scratch(chunk, call.keyDimension, call.valueDimension)
      pool.run(sequences.count * call.heads, scratch: scratch) { item, scratch in
        var call = job(sequences[item / call.heads], item % call.heads)
        kernels.delta_rule_chunked(&call, chunk, product.multiply, scratch)
      }
    } else {
      // At the usual 64 or 128 columns the state of a head stays in the first-level cache for all of time, which
      // beats the products of the chunked form.
      let strips = (call.valueDimension + Self.columnsAStrip - 1) / Self.columnsAStrip
      let scratch = call.decay == .perChannel ? ck_recurrence_scratch(call.keyDimension) : 0
      pool.run(sequences.count * call.heads * strips, scratch: scratch) { item, scratch in
        let (unit, strip) = (item / strips, item % strips)
        var head = job(sequences[unit / call.heads], unit % call.heads)
        let first = strip * Self.columnsAStrip
        kernels.linear_recurrence(&head, first, min(Self.columnsAStrip, call.valueDimension - first), scratch)
      }
    }
  }

  private static let columnsAStrip = 64
}
