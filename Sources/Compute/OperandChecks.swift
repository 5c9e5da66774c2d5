/// What both backends ask of the operands of operations that cover several sequences.
extension AttentionShape {
  /// - Precondition: the operands fit.
  func checkShapes(query: Tensor, sequences: [SequenceCache], out: Tensor) {
    precondition(
      query.columns == heads * headDimension && query.hasShape(of: out), "attention: wrong shape of query or out")
    checkRows(sequences.map(\.rows), cover: query.rows, "attention")
    for sequence in sequences {
      precondition(
        sequence.keys.heads == keyValueHeads && sequence.keys.headDimension == headDimension,
        "attention: wrong shape of the cache")
    }
  }
}

extension LinearRecurrenceShape {
  /// Log decays of a head.
  var decayChannels: Int { decayWidth / heads }

  /// - Precondition: the operands fit.
  func checkShapes(
    query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?, sequences: [SequenceState], out: Tensor
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
    checkRows(sequences.map(\.rows), cover: tokens, "linearRecurrence")
    for sequence in sequences {
      precondition(
        sequence.state.rows == heads * keyDimension && sequence.state.columns == valueDimension,
        "linearRecurrence: wrong shape of a state")
    }
    precondition(
      out.rows == tokens && out.columns == heads * valueDimension, "linearRecurrence: wrong shape of out")
    precondition(chunkSize.map { $0 > 0 } ?? true, "linearRecurrence: an empty chunk")
  }
}

extension Weight {
  /// - Precondition: the operands of a convolution with this weight fit.
  func checkConvolution(_ x: Tensor, sequences: [SequenceState], out: Tensor) {
    precondition(x.hasShape(of: out) && rows == x.columns && columns > 0, "convolution: wrong shape")
    checkRows(sequences.map(\.rows), cover: x.rows, "convolution")
    for sequence in sequences {
      precondition(
        sequence.state.rows == columns - 1 && sequence.state.columns == x.columns, "convolution: wrong history")
    }
  }
}

extension CacheTensor {
  /// - Precondition: `x [tokens, heads * headDimension]` has room from row `position` on.
  func checkAppend(_ x: Tensor, at position: Int) {
    precondition(x.columns == heads * headDimension, "appendToCache: wrong shape")
    precondition(position >= 0 && position + x.rows <= capacity, "appendToCache: beyond the cache")
  }

  /// - Precondition: the rows can be copied.
  func checkCopy(_ range: Range<Int>, to target: CacheTensor, at position: Int) {
    precondition(
      heads == target.heads && headDimension == target.headDimension && type == target.type,
      "copy between caches of different kinds")
    precondition(
      range.lowerBound >= 0 && range.upperBound <= capacity && position >= 0
        && position + range.count <= target.capacity, "copy beyond a cache")
    precondition(storage !== target.storage || position <= range.lowerBound, "rows of a cache move to the front only")
  }
}

extension Tensor {
  func hasShape(of other: Tensor) -> Bool { rows == other.rows && columns == other.columns }
}

/// - Precondition: the ranges follow each other and are all of `0 ..< count`.
private func checkRows(_ ranges: [Range<Int>], cover count: Int, _ operation: String) {
  var end = 0
  for range in ranges {
    precondition(range.lowerBound == end, "\(operation): the rows of sequences do not follow each other")
    end = range.upperBound
  }
  precondition(end == count, "\(operation): \(end) rows of sequences in \(count)")
}
