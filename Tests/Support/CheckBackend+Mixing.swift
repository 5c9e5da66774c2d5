import HybridizeCompute
import HybridizeCore

/// Single precision with sums of up to a few thousand terms.
private let tolerance = 2e-5

extension BackendComparison {
  func checkRotation() {
    for (rows, heads, width, pairs) in [
      (1, 1, 2, 1), (3, 3, 64, 32), (65, 2, 30, 15), (600, 2, 16, 8), (3, 3, 64, 16), (65, 2, 30, 3), (2, 4, 9, 4),
    ] {
      let x = random(rows, heads * width)
      let (cosine, sine) = (random(rows, pairs), random(rows, pairs))
      backend.rotate(x.tested, headDimension: width, cosine: cosine.tested, sine: sine.tested)
      reference.rotate(x.expected, headDimension: width, cosine: cosine.expected, sine: sine.expected)
      compare("rotate", x, tolerance: 1e-6)
    }
  }

  func checkAttention() {
    let few = AttentionShape(heads: 9, keyValueHeads: 3, headDimension: 16, scale: 0.25)
    for (tokens, position) in [
      (0, 0), (1, 0), (1, 1), (1, 62), (1, 255), (1, 256), (1, 700), (2, 63), (8, 250), (8, 600), (9, 0), (63, 2),
      (64, 0), (65, 0), (100, 450), (70, 512),
    ] {
      compareAttention(few, [(tokens, position)])
    }
    for (heads, keyValueHeads, width) in [(1, 1, 1), (5, 1, 33), (8, 2, 64), (4, 4, 130), (6, 1, 20)] {
      let call = AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headDimension: width, scale: 0.3)
      for (tokens, position) in [(1, 70), (3, 5), (33, 0)] {
        compareAttention(call, [(tokens, position)])
        compareAttention(call, [(tokens, position)], type: .bfloat16)
      }
    }
    // Decode steps and prompts of any length side by side.
    compareAttention(few, [(1, 300), (1, 0), (40, 10), (2, 511), (0, 5), (130, 200)])
    compareAttention(few, [(1, 300), (70, 10), (1, 7)], type: .bfloat16)
    for window in [(1, 0), (1, 3), (16, 0), (100, 4), (256, 1), (300, 260), (5000, 4)] {
      let call = AttentionShape(
        heads: 4, keyValueHeads: 2, headDimension: 20, scale: 0.3,
        window: AttentionWindow(size: window.0, sinks: window.1))
      compareAttention(call, [(1, 0), (1, 3), (1, 700), (5, 2), (80, 0), (3, 600), (130, 590)])
    }
  }

  /// One attention of sequences of `(tokens, position)`, over caches that are NaN where they must not be read.
  package func compareAttention(
    _ call: AttentionShape, _ sequences: [(tokens: Int, position: Int)], type: CacheType = .full
  ) {
    let width = call.headDimension
    var row = 0
    var tested: [SequenceCache] = []
    var expected: [SequenceCache] = []
    for (tokens, position) in sequences {
      let capacity = position + tokens + 3
      let nothing = memory(capacity, call.keyValueHeads * width)
      let caches = (0..<2).map { _ in
        let cache = (
          tested: backend.cache(nothing.tested, heads: call.keyValueHeads, type: type),
          expected: reference.cache(nothing.expected, heads: call.keyValueHeads, type: type)
        )
        for (count, first) in [(position, 0), (tokens, position)] {
          let rows = random(count, call.keyValueHeads * width, in: -3...3)
          backend.appendToCache(rows.tested, cache.tested, position: first)
          reference.appendToCache(rows.expected, cache.expected, position: first)
        }
        return cache
      }
      let rows = row..<row + tokens
      tested.append(
        SequenceCache(rows: rows, position: position, keys: caches[0].tested, values: caches[1].tested))
      expected.append(
        SequenceCache(rows: rows, position: position, keys: caches[0].expected, values: caches[1].expected))
      row += tokens
    }
    let query = random(row, call.heads * width, in: -3...3)
    let out = memory(row, call.heads * width)
    backend.attention(call, query: query.tested, sequences: tested, into: out.tested)
    reference.attention(call, query: query.expected, sequences: expected, into: out.expected)
    compare("attention \(call), \(sequences), \(type.rawValue)", out, tolerance: tolerance)
  }

  func checkCaches() {
    let call = AttentionShape(heads: 2, keyValueHeads: 2, headDimension: 3, scale: 1)
    for type in CacheType.allCases {
      let rows = random(20, 6, in: -3...3)
      let (tested, expected) = (
        backend.cache(rows.tested, heads: 2, type: type), reference.cache(rows.expected, heads: 2, type: type)
      )
      // To the front over each other, as a window moves on; then into a cache of another capacity.
      let (other, otherExpected) = (
        backend.makeCache(heads: 2, capacity: 9, headDimension: 3, type: type),
        reference.makeCache(heads: 2, capacity: 9, headDimension: 3, type: type)
      )
      backend.copy(tested, rows: 5..<20, to: tested, at: 2)
      reference.copy(expected, rows: 5..<20, to: expected, at: 2)
      backend.copy(tested, rows: 8..<17, to: other, at: 0)
      reference.copy(expected, rows: 8..<17, to: otherExpected, at: 0)
      let query = random(1, 6)
      let out = memory(1, 6)
      backend.attention(
        call, query: query.tested, sequences: [SequenceCache(rows: 0..<1, position: 8, keys: other, values: other)],
        into: out.tested)
      reference.attention(
        call, query: query.expected,
        sequences: [SequenceCache(rows: 0..<1, position: 8, keys: otherExpected, values: otherExpected)],
        into: out.expected)
      compare("copies of a \(type.rawValue) cache", out, tolerance: tolerance)
    }
  }

  func checkConvolution() throws {
    for type in [ElementType.float32, .bfloat16] {
      for (channels, kernel) in [(1, 1), (5, 4), (64, 4), (65, 3), (200, 2)] {
        let weight = try weight([channels, 1, kernel], type)
        let histories = (0..<2).map { _ in random(kernel - 1, channels) }
        for (first, second) in [(1, 0), (2, 1), (63, 5), (64, 0)] {
          let x = random(first + second, channels)
          let out = memory(first + second, channels)
          func sequences(_ tensor: KeyPath<Twin, Tensor>) -> [SequenceState] {
            zip([0..<first, first..<first + second], histories).map {
              SequenceState(rows: $0, state: $1[keyPath: tensor])
            }
          }
          backend.convolution(
            x.tested, weight: weight.tested, sequences: sequences(\.tested), into: out.tested)
          reference.convolution(
            x.expected, weight: weight.expected, sequences: sequences(\.expected), into: out.expected)
          compare("convolution \(type.rawValue)", out, tolerance: tolerance)
          for history in histories { compare("history of a convolution", history, tolerance: 0) }
        }
      }
    }
  }

  func checkLinearRecurrence() {
    for (decay, update) in LinearRecurrenceShape.kinds {
      for chunk in [nil, 1, 16, 64] {
        for (heads, keyValueHeads, keyDimension, valueDimension) in [(2, 1, 16, 16), (3, 3, 64, 64), (4, 2, 7, 37)] {
          let call = LinearRecurrenceShape(
            heads: heads, keyValueHeads: keyValueHeads, keyDimension: keyDimension, valueDimension: valueDimension,
            scale: 0.3, decay: decay, update: update, chunkSize: chunk)
          for tokens in [0, 1, 2, 15, 63, 64, 65, 100] { compareLinearRecurrence(call, [tokens]) }
          compareLinearRecurrence(call, [1, 1, 30, 0, 1])
        }
      }
      let wide = LinearRecurrenceShape(
        heads: 1, keyValueHeads: 1, keyDimension: 128, valueDimension: 150, scale: 0.1, decay: decay, update: update)
      compareLinearRecurrence(wide, [20, 1])
    }
  }

  /// One recurrence of sequences of `lengths` tokens from random states, with unit keys as mixers make them.
  package func compareLinearRecurrence(_ call: LinearRecurrenceShape, _ lengths: [Int]) {
    let tokens = lengths.reduce(0, +)
    let query = random(tokens, call.heads * call.keyDimension)
    let key = random(tokens, call.keyValueHeads * call.keyDimension)
    for (backend, key) in [(backend, key.tested), (reference, key.expected)] {
      backend.l2Normalize(key, groupSize: call.keyDimension, epsilon: 1e-6)
    }
    let value = random(tokens, call.keyValueHeads * call.valueDimension)
    let logDecay = random(tokens, call.decayWidth, in: -2...0)
    let beta = call.update == .delta ? random(tokens, call.heads, in: 0...1) : nil
    let states = lengths.map { _ in random(call.heads * call.keyDimension, call.valueDimension) }
    let out = memory(tokens, call.heads * call.valueDimension)
    func sequences(_ tensor: KeyPath<Twin, Tensor>) -> [SequenceState] {
      var first = 0
      return zip(lengths, states).map { length, state in
        defer { first += length }
        return SequenceState(rows: first..<first + length, state: state[keyPath: tensor])
      }
    }
    backend.linearRecurrence(
      call, query: query.tested, key: key.tested, value: value.tested, logDecay: logDecay.tested, beta: beta?.tested,
      sequences: sequences(\.tested), into: out.tested)
    reference.linearRecurrence(
      call, query: query.expected, key: key.expected, value: value.expected, logDecay: logDecay.expected,
      beta: beta?.expected, sequences: sequences(\.expected), into: out.expected)
    let name = "linearRecurrence \(call) over \(lengths)"
    compare(name, out, tolerance: tolerance)
    for state in states { compare("a state of " + name, state, tolerance: tolerance) }
  }
}

extension Backend {
  /// A cache with the rows of `x [tokens, heads * headDimension]` in it.
  package func cache(_ x: Tensor, heads: Int, type: CacheType = .full) -> CacheTensor {
    let cache = makeCache(heads: heads, capacity: x.rows, headDimension: x.columns / heads, type: type)
    appendToCache(x, cache, position: 0)
    return cache
  }
}

extension LinearRecurrenceShape {
  /// All kinds of recurrence.
  package static let kinds: [(decay: Decay, update: Update)] = Decay.allCases.flatMap { decay in
    Update.allCases.map { (decay, $0) }
  }
}
