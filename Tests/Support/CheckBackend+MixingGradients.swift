import HybridizeCompute
import HybridizeCore

/// Single precision with sums of up to a few thousand terms.
private let tolerance = 2e-5

extension BackendComparison {
  func checkMixingGradients() throws {
    checkRotationGradient()
    checkAttentionGradient()
    try checkConvolutionGradient()
    try checkDecayGradients()
    checkLinearRecurrenceGradient()
  }

  private func checkRotationGradient() {
    for (rows, heads, width, pairs) in [
      (1, 1, 2, 1), (3, 3, 64, 32), (65, 2, 30, 15), (600, 2, 16, 8), (3, 3, 64, 16), (65, 2, 30, 3),
    ] {
      let gradient = random(rows, heads * width)
      let (cosine, sine) = (random(rows, pairs), random(rows, pairs))
      backend.rotateGradient(
        gradient.tested, headDimension: width, cosine: cosine.tested, sine: sine.tested)
      reference.rotateGradient(
        gradient.expected, headDimension: width, cosine: cosine.expected, sine: sine.expected)
      compare("rotateGradient", gradient, tolerance: 1e-6)
    }
  }

  private func checkAttentionGradient() {
    for (heads, keyValueHeads, width) in [(1, 1, 1), (5, 1, 33), (4, 2, 64), (2, 2, 130), (6, 2, 20)] {
      let call = AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headDimension: width, scale: 0.3)
      for type in CacheType.allCases {
        compareAttentionGradient(call, [1, 63, 0, 70], type: type)
      }
    }
    let few = AttentionShape(heads: 4, keyValueHeads: 2, headDimension: 16, scale: 0.25)
    for tokens in [0, 1, 2, 64, 65, 129, 257, 300] { compareAttentionGradient(few, [tokens]) }
    for window in [(1, 0), (1, 3), (16, 0), (100, 4), (64, 70), (300, 260), (5000, 4)] {
      let call = AttentionShape(
        heads: 4, keyValueHeads: 2, headDimension: 20, scale: 0.3,
        window: AttentionWindow(size: window.0, sinks: window.1))
      compareAttentionGradient(call, [1, 270, 40])
    }
  }

  /// One attention over whole sequences of `lengths` tokens, in caches that are NaN beyond them.
  package func compareAttentionGradient(_ call: AttentionShape, _ lengths: [Int], type: CacheType = .full) {
    let (width, heads) = (call.headDimension, call.keyValueHeads)
    let tokens = lengths.reduce(0, +)
    var tested: [SequenceCache] = []
    var expected: [SequenceCache] = []
    var first = 0
    for length in lengths {
      let nothing = memory(length + 2, heads * width)
      let caches = (0..<2).map { _ in
        let cache = (
          tested: backend.cache(nothing.tested, heads: heads, type: type),
          expected: reference.cache(nothing.expected, heads: heads, type: type)
        )
        let rows = random(length, heads * width, in: -2...2)
        backend.appendToCache(rows.tested, cache.tested, position: 0)
        reference.appendToCache(rows.expected, cache.expected, position: 0)
        return cache
      }
      let rows = first..<first + length
      tested.append(SequenceCache(rows: rows, position: 0, keys: caches[0].tested, values: caches[1].tested))
      expected.append(SequenceCache(rows: rows, position: 0, keys: caches[0].expected, values: caches[1].expected))
      first += length
    }
    let query = random(tokens, call.heads * width, in: -2...2)
    let gradient = random(tokens, call.heads * width)
    let queryGradient = memory(tokens, call.heads * width)
    let (keyGradient, valueGradient) = (memory(tokens, heads * width), memory(tokens, heads * width))
    backend.attentionGradient(
      call, query: query.tested, sequences: tested, gradient: gradient.tested, into: queryGradient.tested,
      keyGradient.tested, valueGradient.tested)
    reference.attentionGradient(
      call, query: query.expected, sequences: expected, gradient: gradient.expected, into: queryGradient.expected,
      keyGradient.expected, valueGradient.expected)
    let name = "attentionGradient \(call) over \(lengths), \(type.rawValue)"
    compare(name + ", query", queryGradient, tolerance: tolerance)
    compare(name + ", key", keyGradient, tolerance: tolerance)
    compare(name + ", value", valueGradient, tolerance: tolerance)
  }

  private func checkConvolutionGradient() throws {
    for type in [ElementType.float32, .bfloat16] {
      for (channels, kernel) in [(1, 1), (5, 4), (64, 4), (65, 3), (200, 2)] {
        let weight = try weight([channels, 1, kernel], type)
        for lengths in [[1, 0], [2, 1], [63, 5], [64, 3, 200]] {
          let tokens = lengths.reduce(0, +)
          let (x, gradient) = (random(tokens, channels), random(tokens, channels))
          let out = memory(tokens, channels)
          let sums = random(channels, kernel)
          for sumsAreWanted in [true, false] {
            backend.convolutionGradient(
              x.tested, weight: weight.tested, sequences: Self.ranges(lengths), gradient: gradient.tested,
              into: out.tested, addingTo: sumsAreWanted ? sums.tested : nil)
            reference.convolutionGradient(
              x.expected, weight: weight.expected, sequences: Self.ranges(lengths), gradient: gradient.expected,
              into: out.expected, addingTo: sumsAreWanted ? sums.expected : nil)
            compare("convolutionGradient \(type.rawValue)", out, tolerance: tolerance)
            compare("convolutionGradient \(type.rawValue), weight", sums, tolerance: tolerance)
          }
        }
      }
    }
  }

  private func checkDecayGradients() throws {
    for (rows, heads, channels) in [(1, 1, 1), (3, 4, 16), (65, 9, 1), (5, 3, 31), (700, 2, 33)] {
      let rate = try weight([heads], .float32, in: -3...1)
      let bias = try weight([heads * channels], .float32, in: -2...2)
      for bound in [nil, -5] as [Double?] {
        for areWanted in [true, false] {
          let x = random(rows, heads * channels, in: -20...20)
          let gradient = random(rows, heads * channels)
          let (rateSums, biasSums) = (random(1, heads), random(1, heads * channels))
          backend.logDecayGradient(
            x.tested, logRate: rate.tested, bias: bias.tested, bound: bound, inPlace: gradient.tested,
            addingTo: areWanted ? rateSums.tested : nil, areWanted ? biasSums.tested : nil)
          reference.logDecayGradient(
            x.expected, logRate: rate.expected, bias: bias.expected, bound: bound, inPlace: gradient.expected,
            addingTo: areWanted ? rateSums.expected : nil, areWanted ? biasSums.expected : nil)
          let name = "logDecayGradient, bound \(bound ?? 0)"
          compare(name, gradient, tolerance: tolerance)
          compare(name + ", logRate", rateSums, tolerance: tolerance)
          compare(name + ", bias", biasSums, tolerance: tolerance)
        }
      }
    }
    for (rows, columns) in [(1, 1), (1, 63), (2, 64), (3, 65), (37, 1000)] {
      let x = random(rows, columns, in: -100...100)
      let gradient = random(rows, columns)
      backend.logSigmoidGradient(x.tested, scale: 0.0625, inPlace: gradient.tested)
      reference.logSigmoidGradient(x.expected, scale: 0.0625, inPlace: gradient.expected)
      compare("logSigmoidGradient", gradient, tolerance: 1e-6)
    }
  }

  private func checkLinearRecurrenceGradient() {
    for (decay, update) in LinearRecurrenceShape.kinds {
      for chunk in [nil, 1, 16, 64] {
        for (heads, keyValueHeads, keyDimension, valueDimension) in [(2, 1, 16, 16), (2, 2, 64, 64), (4, 2, 7, 37)] {
          let call = LinearRecurrenceShape(
            heads: heads, keyValueHeads: keyValueHeads, keyDimension: keyDimension, valueDimension: valueDimension,
            scale: 0.3, decay: decay, update: update, chunkSize: chunk)
          for lengths in [[0], [15, 2], [63], [65], [1, 30, 0, 1]] { compareLinearRecurrenceGradient(call, lengths) }
        }
      }
      let wide = LinearRecurrenceShape(
        heads: 1, keyValueHeads: 1, keyDimension: 128, valueDimension: 150, scale: 0.1, decay: decay, update: update)
      compareLinearRecurrenceGradient(wide, [20, 1])
    }
  }

  /// The gradient of one recurrence of sequences of `lengths` tokens, with unit keys as mixers make them. The first
  /// begins with a state, and the last has a gradient of its final one; where there is but one, it has both.
  package func compareLinearRecurrenceGradient(
    _ call: LinearRecurrenceShape, _ lengths: [Int], logDecays: ClosedRange<Double> = -2...0,
    betas: ClosedRange<Double> = 0...1
  ) {
    let tokens = lengths.reduce(0, +)
    let key = random(tokens, call.keyValueHeads * call.keyDimension)
    for (backend, key) in [(backend, key.tested), (reference, key.expected)] {
      backend.l2Normalize(key, groupSize: call.keyDimension, epsilon: 1e-6)
    }
    let query = random(tokens, call.heads * call.keyDimension)
    let value = random(tokens, call.keyValueHeads * call.valueDimension)
    let logDecay = random(tokens, call.decayWidth, in: logDecays)
    let beta = call.update == .delta ? random(tokens, call.heads, in: betas) : nil
    let gradient = random(tokens, call.heads * call.valueDimension)
    func state() -> Twin { random(call.heads * call.keyDimension, call.valueDimension) }
    let (initial, final) = (state(), state())
    let results = lengths.map { _ in memory(call.heads * call.keyDimension, call.valueDimension) }
    let inputs = [query, key, value, logDecay] + [beta].compactMap { $0 }
    let outputs = inputs.map { memory($0.tested.rows, $0.tested.columns) }
    for (backend, side) in [(backend, \Twin.tested), (reference, \Twin.expected)] {
      func operands(_ twins: [Twin]) -> RecurrenceOperands {
        let tensors = twins.map { $0[keyPath: side] }
        return RecurrenceOperands(
          query: tensors[0], key: tensors[1], value: tensors[2], logDecay: tensors[3],
          beta: tensors.count > 4 ? tensors[4] : nil)
      }
      let sequences = zip(Self.ranges(lengths).enumerated(), results).map { range, result in
        RecurrenceSequence(
          rows: range.element, initialState: range.offset == 0 ? initial[keyPath: side] : nil,
          finalStateGradient: range.offset == lengths.count - 1 ? final[keyPath: side] : nil,
          initialStateGradient: result[keyPath: side])
      }
      backend.linearRecurrenceGradient(
        call, operands(inputs), sequences: sequences, gradient: gradient[keyPath: side], into: operands(outputs))
    }
    let name = "linearRecurrenceGradient \(call) over \(lengths), decays \(logDecays)"
    for (operand, output) in zip(["query", "key", "value", "logDecay", "beta"], outputs) {
      compare("\(name), \(operand)", output, tolerance: tolerance)
    }
    for result in results { compare("\(name), initial state", result, tolerance: tolerance) }
  }

  private static func ranges(_ lengths: [Int]) -> [Range<Int>] {
    var first = 0
    return lengths.map { length in
      defer { first += length }
      return first..<first + length
    }
  }
}
