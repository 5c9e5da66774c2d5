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

extension AttentionShape {
  /// - Precondition: the operands fit, sequences are whole, and each gradient has the shape of what it is of.
  func checkGradientShapes(
    query: Tensor, sequences: [SequenceCache], gradient: Tensor, queryGradient: Tensor, keyGradient: Tensor,
    valueGradient: Tensor
  ) {
    checkShapes(query: query, sequences: sequences, out: gradient)
    precondition(sequences.allSatisfy { $0.position == 0 }, "attention: the gradient of a part of a sequence")
    precondition(queryGradient.hasShape(of: query), "attention: wrong shape of a gradient")
    precondition(
      keyGradient.rows == query.rows && keyGradient.columns == keyValueHeads * headDimension
        && valueGradient.hasShape(of: keyGradient), "attention: wrong shape of a gradient")
  }
}

extension Tensor {
  /// - Precondition: heads of `headDimension`, and angles for some of their pairs of channels.
  func checkRotation(headDimension: Int, cosine: Tensor, sine: Tensor) {
    precondition(
      cosine.columns > 0 && 2 * cosine.columns <= headDimension && columns % headDimension == 0,
      "rotate: heads do not fit")
    precondition(cosine.rows == rows && sine.hasShape(of: cosine), "rotate: wrong angles")
  }
}

extension LinearRecurrenceShape {
  /// Log decays of a head.
  var decayChannels: Int { decayWidth / heads }

  /// - Precondition: the operands fit.
  func checkShapes(
    query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?, sequences: [SequenceState], out: Tensor
  ) {
    let operands = RecurrenceOperands(query: query, key: key, value: value, logDecay: logDecay, beta: beta)
    checkOperands(operands, sequences: sequences.map(\.rows), out: out)
    for sequence in sequences { checkState(sequence.state) }
  }

  /// - Precondition: the operands fit, and each gradient what it is of.
  func checkGradientShapes(
    _ operands: RecurrenceOperands, sequences: [RecurrenceSequence], gradient: Tensor, gradients: RecurrenceOperands
  ) {
    let rows = sequences.map(\.rows)
    checkOperands(operands, sequences: rows, out: gradient)
    checkOperands(gradients, sequences: rows, out: gradient)
    for sequence in sequences {
      for state in [sequence.initialState, sequence.finalStateGradient, sequence.initialStateGradient] {
        if let state { checkState(state) }
      }
    }
  }

  private func checkOperands(_ operands: RecurrenceOperands, sequences: [Range<Int>], out: Tensor) {
    let tokens = operands.query.rows
    precondition(operands.query.columns == heads * keyDimension, "linearRecurrence: wrong shape of query")
    precondition(
      operands.key.rows == tokens && operands.key.columns == keyValueHeads * keyDimension,
      "linearRecurrence: wrong shape of key")
    precondition(
      operands.value.rows == tokens && operands.value.columns == keyValueHeads * valueDimension,
      "linearRecurrence: wrong shape of value")
    precondition(
      operands.logDecay.rows == tokens && operands.logDecay.columns == decayWidth,
      "linearRecurrence: wrong shape of logDecay")
    precondition(
      (operands.beta != nil) == (update == .delta), "linearRecurrence: beta without delta rule, or the reverse")
    precondition(
      operands.beta.map { $0.rows == tokens && $0.columns == heads } ?? true, "linearRecurrence: wrong shape of beta")
    checkRows(sequences, cover: tokens, "linearRecurrence")
    precondition(
      out.rows == tokens && out.columns == heads * valueDimension, "linearRecurrence: wrong shape of out")
    precondition(chunkSize.map { $0 > 0 } ?? true, "linearRecurrence: an empty chunk")
  }

  private func checkState(_ state: Tensor) {
    precondition(
      state.rows == heads * keyDimension && state.columns == valueDimension, "linearRecurrence: wrong shape of a state")
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

extension Weight {
  /// - Precondition: the operands of the gradient of a convolution with this weight fit.
  func checkConvolutionGradient(
    _ x: Tensor, sequences: [Range<Int>], gradient: Tensor, xGradient: Tensor, weightGradient: Tensor?
  ) {
    precondition(
      gradient.hasShape(of: x) && xGradient.hasShape(of: x) && rows == x.columns && columns > 0,
      "convolution: wrong shape of a gradient")
    checkRows(sequences, cover: x.rows, "convolution")
    precondition(
      weightGradient.map { $0.rows == rows && $0.columns == columns } ?? true, "convolution: wrong shape of a gradient")
  }
}

extension Tensor {
  /// - Precondition: the operands of the gradient of a log decay of this fit.
  func checkLogDecayGradient(
    logRate: Weight, bias: Weight, bound: Double?, gradient: Tensor, rateGradient: Tensor?, biasGradient: Tensor?
  ) {
    precondition(
      logRate.rows == 1 && logRate.columns > 0 && columns % logRate.columns == 0, "logDecay: wrong shape of logRate")
    precondition(bias.rows == 1 && bias.columns == columns, "logDecay: wrong shape of bias")
    precondition(bound.map { $0 < 0 } ?? true, "logDecay: a bound that is not negative")
    precondition(hasShape(of: gradient), "logDecay: wrong shape of a gradient")
    precondition(
      rateGradient.map { $0.rows == 1 && $0.columns == logRate.columns } ?? true, "logDecay: wrong shape of a gradient")
    precondition(
      biasGradient.map { $0.rows == 1 && $0.columns == columns } ?? true, "logDecay: wrong shape of a gradient")
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
