import HybridizeCompute
import HybridizeCore

/// Single precision with sums of up to a few thousand terms.
private let tolerance = 2e-5

extension BackendComparison {
  func checkRotation() {
    for (rows, heads, width) in [(1, 1, 2), (3, 3, 64), (65, 2, 30), (600, 2, 16)] {
      let x = random(rows, heads * width)
      let (cosine, sine) = (random(rows, width / 2), random(rows, width / 2))
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
      compareAttention(few, tokens: tokens, position: position)
    }
    for (heads, keyValueHeads, width) in [(1, 1, 1), (5, 1, 33), (8, 2, 64), (4, 4, 130)] {
      let call = AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headDimension: width, scale: 0.3)
      for (tokens, position) in [(1, 70), (3, 5), (33, 0)] {
        compareAttention(call, tokens: tokens, position: position)
      }
    }
  }

  /// One attention over a cache that is NaN where it must not be read.
  package func compareAttention(_ call: AttentionShape, tokens: Int, position: Int) {
    let capacity = position + tokens + 3
    let width = call.headDimension
    let caches = (0..<2).map { _ in
      let cache = memory(call.keyValueHeads * capacity, width)
      for (count, first) in [(position, 0), (tokens, position)] {
        let rows = random(count, call.keyValueHeads * width, in: -3...3)
        backend.appendToCache(rows.tested, cache.tested, heads: call.keyValueHeads, position: first)
        reference.appendToCache(rows.expected, cache.expected, heads: call.keyValueHeads, position: first)
      }
      return cache
    }
    let query = random(tokens, call.heads * width, in: -3...3)
    let out = memory(tokens, call.heads * width)
    backend.attention(
      call, query: query.tested, keys: caches[0].tested, values: caches[1].tested, position: position,
      into: out.tested)
    reference.attention(
      call, query: query.expected, keys: caches[0].expected, values: caches[1].expected, position: position,
      into: out.expected)
    compare("attention \(call) at \(position)", out, tolerance: tolerance)
  }

  func checkConvolution() throws {
    for type in [ElementType.float32, .bfloat16] {
      for (channels, kernel) in [(1, 1), (5, 4), (64, 4), (65, 3), (200, 2)] {
        let weight = try weight([channels, 1, kernel], type)
        let history = random(kernel - 1, channels)
        for tokens in [1, 2, 63, 64] {
          let x = random(tokens, channels)
          let out = memory(tokens, channels)
          backend.convolution(x.tested, weight: weight.tested, history: history.tested, into: out.tested)
          reference.convolution(x.expected, weight: weight.expected, history: history.expected, into: out.expected)
          compare("convolution \(type.rawValue)", out, tolerance: tolerance)
          compare("history of a convolution", history, tolerance: 0)
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
          for tokens in [0, 1, 2, 15, 63, 64, 65, 100] { compareLinearRecurrence(call, tokens: tokens) }
        }
      }
      let wide = LinearRecurrenceShape(
        heads: 1, keyValueHeads: 1, keyDimension: 128, valueDimension: 150, scale: 0.1, decay: decay, update: update)
      compareLinearRecurrence(wide, tokens: 20)
    }
  }

  /// One recurrence from a random state, with unit keys as mixers make them.
  package func compareLinearRecurrence(_ call: LinearRecurrenceShape, tokens: Int) {
    let query = random(tokens, call.heads * call.keyDimension)
    let key = random(tokens, call.keyValueHeads * call.keyDimension)
    for (backend, key) in [(backend, key.tested), (reference, key.expected)] {
      backend.l2Normalize(key, groupSize: call.keyDimension, epsilon: 1e-6)
    }
    let value = random(tokens, call.keyValueHeads * call.valueDimension)
    let logDecay = random(tokens, call.decayWidth, in: -2...0)
    let beta = call.update == .delta ? random(tokens, call.heads, in: 0...1) : nil
    let state = random(call.heads * call.keyDimension, call.valueDimension)
    let out = memory(tokens, call.heads * call.valueDimension)
    backend.linearRecurrence(
      call, query: query.tested, key: key.tested, value: value.tested, logDecay: logDecay.tested,
      beta: beta?.tested, state: state.tested, into: out.tested)
    reference.linearRecurrence(
      call, query: query.expected, key: key.expected, value: value.expected, logDecay: logDecay.expected,
      beta: beta?.expected, state: state.expected, into: out.expected)
    let name = "linearRecurrence \(call) over \(tokens)"
    compare(name, out, tolerance: tolerance)
    compare("state of " + name, state, tolerance: tolerance)
  }
}

extension LinearRecurrenceShape {
  /// All kinds of recurrence.
  package static let kinds: [(decay: Decay, update: Update)] = Decay.allCases.flatMap { decay in
    Update.allCases.map { (decay, $0) }
  }
}
