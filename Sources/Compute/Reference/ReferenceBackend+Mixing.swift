import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  public func rotate(_ x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    let half = headDimension / 2
    precondition(headDimension % 2 == 0 && x.columns % headDimension == 0, "rotate: heads do not fit")
    precondition(cosine.rows == x.rows && cosine.columns == half, "rotate: wrong shape of cosine")
    precondition(sine.rows == x.rows && sine.columns == half, "rotate: wrong shape of sine")
    for row in 0..<x.rows {
      let (values, c, s) = (x.doubles(row: row), cosine.doubles(row: row), sine.doubles(row: row))
      for head in stride(from: 0, to: x.columns, by: headDimension) {
        for i in 0..<half {
          let (a, b) = (values[head + i], values[head + half + i])
          values[head + i] = a * c[i] - b * s[i]
          values[head + half + i] = b * c[i] + a * s[i]
        }
      }
    }
  }

  public func appendToCache(_ x: Tensor, _ cache: Tensor, heads: Int, position: Int) {
    let capacity = cache.rows / heads
    let width = cache.columns
    precondition(x.columns == heads * width && cache.rows == heads * capacity, "appendToCache: wrong shape")
    precondition(position >= 0 && position + x.rows <= capacity, "appendToCache: beyond the cache")
    for head in 0..<heads {
      for token in 0..<x.rows {
        let target = cache.doubles(row: head * capacity + position + token)
        for i in 0..<width { target[i] = x.doubles(row: token)[head * width + i] }
      }
    }
  }

  public func attention(
    _ call: AttentionShape, query: Tensor, keys: Tensor, values: Tensor, position: Int, into out: Tensor
  ) {
    let width = call.headDimension
    let capacity = keys.rows / call.keyValueHeads
    precondition(query.columns == call.heads * width && keys.columns == width, "attention: wrong shapes")
    precondition(keys.rows == values.rows && values.columns == width, "attention: wrong shape of values")
    precondition(out.rows == query.rows && out.columns == query.columns, "attention: wrong shape of out")
    precondition(position >= 0 && position + query.rows <= capacity, "attention: beyond the cache")
    for token in 0..<query.rows {
      for head in 0..<call.heads {
        let first = head / (call.heads / call.keyValueHeads) * capacity
        let q = query.doubles(row: token)[head * width..<(head + 1) * width]
        var scores = (0...position + token).map { row in
          call.scale * zip(q, keys.doubles(row: first + row)).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let greatest = scores.max() ?? 0
        scores = scores.map { exp($0 - greatest) }
        let total = scores.reduce(0, +)
        let target = out.doubles(row: token)
        for i in 0..<width {
          target[head * width + i] =
            scores.indices.reduce(0) { $0 + scores[$1] * values.doubles(row: first + $1)[i] } / total
        }
      }
    }
  }

  public func convolution(_ x: Tensor, weight: Weight, history: Tensor, into out: Tensor) {
    let kept = weight.columns - 1
    precondition(x.rows == out.rows && x.columns == out.columns && weight.rows == x.columns, "convolution: wrong shape")
    precondition(history.rows == kept && history.columns == x.columns, "convolution: wrong history")
    for channel in 0..<x.columns {
      let sequence =
        (0..<kept).map { history.doubles(row: $0)[channel] } + (0..<x.rows).map { x.doubles(row: $0)[channel] }
      let taps = weight.doubles(row: channel)
      for t in 0..<x.rows {
        out.doubles(row: t)[channel] = taps.indices.reduce(0) { $0 + taps[$1] * sequence[t + $1] }
      }
      for row in 0..<kept { history.doubles(row: row)[channel] = sequence[x.rows + row] }
    }
  }

  public func logDecay(_ x: Tensor, logRate: Weight, bias: Weight, bound: Double?) {
    precondition(logRate.columns > 0 && x.columns % logRate.columns == 0, "logDecay: wrong shape of logRate")
    precondition(bias.columns == x.columns, "logDecay: wrong shape of bias")
    precondition(bound.map { $0 < 0 } ?? true, "logDecay: a bound that is not negative")
    let channels = x.columns / logRate.columns
    for row in 0..<x.rows {
      let values = x.doubles(row: row)
      for column in 0..<x.columns {
        let rate = exp(logRate.doubles[column / channels])
        let z = values[column] + bias.doubles[column]
        values[column] = bound.map { $0 * logistic(rate * z) } ?? -rate * softplus(z)
      }
    }
  }

  public func logSigmoid(_ x: Tensor, scale: Double) {
    for index in 0..<x.elementCount { x.doubles[index] = -scale * softplus(-x.doubles[index]) }
  }

  private func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
