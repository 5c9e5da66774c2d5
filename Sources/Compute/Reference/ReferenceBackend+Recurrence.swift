import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  /// Token by token, or in chunks where the call asks for them.
  public func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?,
    sequences: [SequenceState], into out: Tensor
  ) {
    call.checkShapes(
      query: query, key: key, value: value, logDecay: logDecay, beta: beta, sequences: sequences, out: out)
    for sequence in sequences {
      let rows = sequence.rows
      run(
        call, query: query.rows(rows), key: key.rows(rows), value: value.rows(rows), logDecay: logDecay.rows(rows),
        beta: beta?.rows(rows), state: sequence.state, into: out.rows(rows))
    }
  }

  /// One sequence.
  private func run(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?,
    state: Tensor, into out: Tensor
  ) {
    let tokens = query.rows
    for index in 0..<call.heads {
      let group = index / (call.heads / call.keyValueHeads)
      let rows = index * call.keyDimension..<(index + 1) * call.keyDimension
      var decays = Matrix(rows: tokens, columns: call.keyDimension)
      for token in 0..<tokens {
        for (channel, column) in rows.enumerated() {
          decays[token, channel] = logDecay.doubles(row: token)[call.decay == .perHead ? index : column]
        }
      }
      var head = RecurrenceHead(
        query: Matrix(query, columns: rows),
        key: Matrix(key, columns: group * call.keyDimension..<(group + 1) * call.keyDimension),
        value: Matrix(value, columns: group * call.valueDimension..<(group + 1) * call.valueDimension),
        logDecay: decays, beta: beta.map { beta in (0..<tokens).map { beta.doubles(row: $0)[index] } },
        scale: call.scale, state: Matrix(state.rows(rows), columns: 0..<call.valueDimension),
        out: Matrix(rows: tokens, columns: call.valueDimension))
      if let size = call.chunkSize {
        for first in stride(from: 0, to: tokens, by: size) { head.chunk(first..<min(tokens, first + size)) }
      } else {
        for token in 0..<tokens { head.step(token) }
      }
      head.out.write(to: out, firstColumn: index * call.valueDimension)
      head.state.write(to: state.rows(rows), firstColumn: 0)
    }
  }
}

/// The recurrence of one head; the names are those of `Backend.linearRecurrence`.
private struct RecurrenceHead {
  let query: Matrix
  let key: Matrix
  let value: Matrix
  /// `[tokens, dk]`, the same in a row where the head has one decay.
  let logDecay: Matrix
  /// `nil` where values are added as they are.
  let beta: [Double]?
  let scale: Double
  var state: Matrix
  var out: Matrix

  /// `S = e^g S; u = beta (v - S^T k)` or `v`; `S = S + k u^T; out = scale S^T q`.
  mutating func step(_ t: Int) {
    for row in 0..<state.rows {
      let decay = exp(logDecay[t, row])
      for column in 0..<state.columns { state[row, column] *= decay }
    }
    for column in 0..<state.columns {
      var update = value[t, column]
      if let beta {
        var read = 0.0
        for row in 0..<state.rows { read += state[row, column] * key[t, row] }
        update = beta[t] * (update - read)
      }
      var result = 0.0
      for row in 0..<state.rows {
        state[row, column] += key[t, row] * update
        result += state[row, column] * query[t, row]
      }
      out[t, column] = scale * result
    }
  }

  /// A chunk at once: with `D_ij` the decay of a row from after token `j` to token `i`, and `D_i` from the chunk's
  /// start, the updates of all tokens solve `(I + L) U = beta (V - (K D_i) S)` with `L_ij = beta_i sum_c k_ic k_jc D_ijc`
  /// for `j < i`; without the delta rule they are V. Then `out = scale ((Q D_i) S + P U)` with
  /// `P_ij = sum_c q_ic k_jc D_ijc` for `j <= i`, and `S = D_C S + sum_j (k_j D_Cj) u_j^T`.
  ///
  /// Each decay is the exponential of a sum of log decays between its two tokens, which is never positive: a quotient
  /// of two decays from the start, as products of matrices would have it, is 0/0 where decays are strong.
  mutating func chunk(_ tokens: Range<Int>) {
    let rows = state.rows
    var updates = Matrix(rows: tokens.count, columns: state.columns)
    var sinceStart = [Double](repeating: 0, count: rows)
    var since = Matrix(rows: tokens.count, columns: rows)
    for i in 0..<tokens.count {
      let t = tokens.lowerBound + i
      for row in 0..<rows {
        sinceStart[row] += logDecay[t, row]
        for j in 0..<i { since[j, row] += logDecay[t, row] }
      }
      // What token i reads of the updates of the tokens up to it, with its key and with its query.
      var keyWeights = [Double](repeating: 0, count: i + 1)
      var queryWeights = keyWeights
      for j in 0...i {
        for row in 0..<rows {
          let reached = key[tokens.lowerBound + j, row] * exp(since[j, row])
          keyWeights[j] += key[t, row] * reached
          queryWeights[j] += query[t, row] * reached
        }
      }
      let decays = sinceStart.map { exp($0) }
      for column in 0..<state.columns {
        var (keyRead, queryRead) = (0.0, 0.0)
        for row in 0..<rows {
          let left = decays[row] * state[row, column]
          keyRead += key[t, row] * left
          queryRead += query[t, row] * left
        }
        for j in 0..<i { keyRead += keyWeights[j] * updates[j, column] }
        updates[i, column] = beta.map { $0[t] * (value[t, column] - keyRead) } ?? value[t, column]
        for j in 0...i { queryRead += queryWeights[j] * updates[j, column] }
        out[t, column] = scale * queryRead
      }
    }
    for row in 0..<rows {
      let decay = exp(sinceStart[row])
      for column in 0..<state.columns { state[row, column] *= decay }
      for j in 0..<tokens.count {
        let reached = key[tokens.lowerBound + j, row] * exp(since[j, row])
        for column in 0..<state.columns { state[row, column] += reached * updates[j, column] }
      }
    }
  }
}
