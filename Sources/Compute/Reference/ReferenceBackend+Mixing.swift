import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension ReferenceBackend {
  public func rotate(_ x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    let half = cosine.columns
    x.checkRotation(headDimension: headDimension, cosine: cosine, sine: sine)
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

  public func appendToCache(_ x: Tensor, _ cache: CacheTensor, position: Int) {
    let width = cache.headDimension
    cache.checkAppend(x, at: position)
    for head in 0..<cache.heads {
      for token in 0..<x.rows {
        let target = cache.doubles(head: head, row: position + token)
        for i in 0..<width { target[i] = cache.type.stored(x.doubles(row: token)[head * width + i]) }
      }
    }
  }

  public func attention(_ call: AttentionShape, query: Tensor, sequences: [SequenceCache], into out: Tensor) {
    let width = call.headDimension
    call.checkShapes(query: query, sequences: sequences, out: out)
    for sequence in sequences {
      for (index, token) in sequence.rows.enumerated() {
        let (sinks, rest) = call.visible(at: sequence.position + index)
        let rows = Array(sinks) + Array(rest)
        for head in 0..<call.heads {
          let group = head / (call.heads / call.keyValueHeads)
          let q = query.doubles(row: token)[head * width..<(head + 1) * width]
          var scores = rows.map { row in
            call.scale * zip(q, sequence.keys.doubles(head: group, row: row)).reduce(0) { $0 + $1.0 * $1.1 }
          }
          let greatest = scores.max() ?? 0
          scores = scores.map { exp($0 - greatest) }
          let total = scores.reduce(0, +)
          let target = out.doubles(row: token)
          for i in 0..<width {
            target[head * width + i] =
              zip(rows, scores).reduce(0) { $0 + $1.1 * sequence.values.doubles(head: group, row: $1.0)[i] } / total
          }
        }
      }
    }
  }

  public func convolution(_ x: Tensor, weight: Weight, sequences: [SequenceState], into out: Tensor) {
    weight.checkConvolution(x, sequences: sequences, out: out)
    let kept = weight.columns - 1
    for sequence in sequences {
      let history = sequence.state
      for channel in 0..<x.columns {
        let values =
          (0..<kept).map { history.doubles(row: $0)[channel] } + sequence.rows.map { x.doubles(row: $0)[channel] }
        let taps = weight.doubles(row: channel)
        for (t, row) in sequence.rows.enumerated() {
          out.doubles(row: row)[channel] = taps.indices.reduce(0) { $0 + taps[$1] * values[t + $1] }
        }
        for row in 0..<kept { history.doubles(row: row)[channel] = values[sequence.rows.count + row] }
      }
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

  func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}

extension CacheType {
  /// The value that a cache keeps of `value`: of bfloat16 the nearest, ties to even, rounded once.
  fileprivate func stored(_ value: Double) -> Double {
    guard self == .bfloat16 else { return value }
    // Odd in the last place, so that the second rounding sees what the first one cut off.
    let bits = Float(roundingToOdd: value).bitPattern
    guard value.isFinite else { return value }
    return Double(Float(bitPattern: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000))
  }
}

extension CacheTensor {
  /// One row of a head.
  ///
  /// - Precondition: made by the reference backend.
  func doubles(head: Int, row: Int) -> UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(
      start: storage.address.assumingMemoryBound(to: Double.self) + (head * capacity + row) * headDimension,
      count: headDimension)
  }
}

extension ReferenceBackend {
  /// Float64 for every type; bfloat16 caches hold values that bfloat16 has.
  public func makeCache(heads: Int, capacity: Int, headDimension: Int, type: CacheType) -> CacheTensor {
    CacheTensor(
      storage: .doubles(count: heads * capacity * headDimension), heads: heads, capacity: capacity,
      headDimension: headDimension, type: type)
  }

  public func stored(_ tensor: Tensor, name: String) -> StoredTensor { tensor.stored(name: name, as: .float64) }

  public func stored(_ cache: CacheTensor, rows count: Int, name: String) -> StoredTensor {
    cache.stored(rows: count, name: name, as: .float64)
  }

  public func restore(_ stored: StoredTensor, to tensor: Tensor) { tensor.restore(stored, as: .float64) }

  public func restore(_ stored: StoredTensor, to cache: CacheTensor) { cache.restore(stored, as: .float64) }

  public func copy(_ source: CacheTensor, rows range: Range<Int>, to target: CacheTensor, at position: Int) {
    source.checkCopy(range, to: target, at: position)
    for head in 0..<source.heads {
      for (index, row) in range.enumerated() {
        _ = target.doubles(head: head, row: position + index).update(
          fromContentsOf: source.doubles(head: head, row: row))
      }
    }
  }
}
