import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  /// Token by token, or in chunks where the call asks for them.
  public func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor,
    sequences: [SequenceState], into out: Tensor
  ) {
    call.checkShapes(
      query: query, key: key, value: value, logDecay: logDecay, beta: beta, sequences: sequences, out: out)
    for sequence in sequences {
      let rows = sequence.rows
      run(
        call, query: query.rows(rows), key: key.rows(rows), value: value.rows(rows), logDecay: logDecay.rows(rows),
        beta: beta.rows(rows), state: sequence.state, into: out.rows(rows))
    }
  }

  /// One sequence.
  private func run(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor,
    state: Tensor, into out: Tensor
  ) {
    let tokens = query.rows
    for index in 0..<call.heads {
      let group = index / (call.heads / call.keyValueHeads)
      var head = DeltaRuleHead(
        query: Matrix(query, columns: index * call.keyDimension..<(index + 1) * call.keyDimension),
        key: Matrix(key, columns: group * call.keyDimension..<(group + 1) * call.keyDimension),
        value: Matrix(value, columns: group * call.valueDimension..<(group + 1) * call.valueDimension),
        logDecay: (0..<tokens).map { logDecay.doubles(row: $0)[index] },
        beta: (0..<tokens).map { beta.doubles(row: $0)[index] }, scale: call.scale,
        state: Matrix(
          state.rows(index * call.keyDimension..<(index + 1) * call.keyDimension), columns: 0..<call.valueDimension),
        out: Matrix(rows: tokens, columns: call.valueDimension))
      if let size = call.chunkSize {
        for first in stride(from: 0, to: tokens, by: size) { head.chunk(first..<min(tokens, first + size)) }
      } else {
        for token in 0..<tokens { head.step(token) }
      }
      head.out.write(to: out, firstColumn: index * call.valueDimension)
      head.state.write(
        to: state.rows(index * call.keyDimension..<(index + 1) * call.keyDimension), firstColumn: 0)
    }
  }
}

/// The gated delta rule of one head; the names are those of `Backend.linearRecurrence`.
private struct DeltaRuleHead {
  let query: Matrix
  let key: Matrix
  let value: Matrix
  let logDecay: [Double]
  let beta: [Double]
  let scale: Double
  var state: Matrix
  var out: Matrix

  /// `S = e^g S; u = beta (v - S^T k); S = S + k u^T; out = scale S^T q`.
  mutating func step(_ t: Int) {
    let decay = exp(logDecay[t])
    for index in state.values.indices { state.values[index] *= decay }
    for column in 0..<state.columns {
      var read = 0.0
      for row in 0..<state.rows { read += state[row, column] * key[t, row] }
      let update = beta[t] * (value[t, column] - read)
      var result = 0.0
      for row in 0..<state.rows {
        state[row, column] += key[t, row] * update
        result += state[row, column] * query[t, row]
      }
      out[t, column] = scale * result
    }
  }

  /// A chunk at once: with `b` the running sum of `g` in the chunk and `D_ij = e^(b_i - b_j)` for `i >= j`, the
  /// updates of all tokens solve `(I + L) U = beta (V - e^b K S)` with `L = strictly lower (beta (K K^T) D)`; then
  /// `out = scale (e^b Q S + lower((Q K^T) D) U)` and `S = e^(b_C) S + (e^(b_C - b) K)^T U`.
  mutating func chunk(_ tokens: Range<Int>) {
    var sum = 0.0
    let b = tokens.map { token in
      sum += logDecay[token]
      return sum
    }
    let (q, k, v) = (query.rows(tokens), key.rows(tokens), value.rows(tokens))
    let (keysKeys, queriesKeys) = (k.times(k.transposed), q.times(k.transposed))
    let (keyReads, queryReads) = (k.times(state), q.times(state))
    var updates = Matrix(rows: tokens.count, columns: state.columns)
    for i in 0..<tokens.count {
      for column in 0..<state.columns {
        var rest = v[i, column] - exp(b[i]) * keyReads[i, column]
        for j in 0..<i { rest -= keysKeys[i, j] * exp(b[i] - b[j]) * updates[j, column] }
        updates[i, column] = beta[tokens.lowerBound + i] * rest
      }
      for column in 0..<state.columns {
        var result = exp(b[i]) * queryReads[i, column]
        for j in 0...i { result += queriesKeys[i, j] * exp(b[i] - b[j]) * updates[j, column] }
        out[tokens.lowerBound + i, column] = scale * result
      }
    }
    for row in 0..<state.rows {
      for column in 0..<state.columns {
        var next = exp(sum) * state[row, column]
        for i in 0..<tokens.count { next += exp(sum - b[i]) * k[i, row] * updates[i, column] }
        state[row, column] = next
      }
    }
  }
}

/// A small row-major matrix of its own.
private struct Matrix {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    values = [Double](repeating: 0, count: rows * columns)
  }

  /// A copy of some columns of a tensor.
  init(_ tensor: Tensor, columns range: Range<Int>) {
    self.init(rows: tensor.rows, columns: range.count)
    for row in 0..<rows {
      for column in 0..<columns { self[row, column] = tensor.doubles(row: row)[range.lowerBound + column] }
    }
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  func rows(_ range: Range<Int>) -> Matrix {
    var part = Matrix(rows: range.count, columns: columns)
    part.values = Array(values[range.lowerBound * columns..<range.upperBound * columns])
    return part
  }

  var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    for row in 0..<rows { for column in 0..<columns { result[column, row] = self[row, column] } }
    return result
  }

  func times(_ other: Matrix) -> Matrix {
    var result = Matrix(rows: rows, columns: other.columns)
    for row in 0..<rows {
      for inner in 0..<columns {
        for column in 0..<other.columns { result[row, column] += self[row, inner] * other[inner, column] }
      }
    }
    return result
  }

  func write(to tensor: Tensor, firstColumn: Int) {
    for row in 0..<rows {
      for column in 0..<columns { tensor.doubles(row: row)[firstColumn + column] = self[row, column] }
    }
  }
}
