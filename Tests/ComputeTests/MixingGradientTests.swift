import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

/// The reference against finite differences; other backends are compared with it by `checkBackend`.
@Suite("gradients of token mixing")
struct MixingGradientTests {
  private let backend = ReferenceBackend()

  private func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Double> = -1...1) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in generator.uniform(range.lowerBound, range.upperBound) }
  }

  private func tensor(_ values: some Collection<Double>, columns: Int) -> Tensor {
    let tensor = backend.makeTensor(rows: values.count / columns, columns: columns)
    backend.write(Array(values), to: tensor)
    return tensor
  }

  private func weight(_ values: some Collection<Double>, _ shape: Shape) throws -> Weight {
    try backend.prepare(StoredTensor(encoding: Array(values), as: .float64, shape: shape))
  }

  private func product(_ tensor: Tensor, _ factors: [Double]) -> Double {
    zip(backend.read(tensor), factors).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test("rotation turns back")
  func rotation() {
    let (x, factors) = (numbers(2 * 12, seed: 1), numbers(2 * 12, seed: 2))
    let (cosine, sine) = (tensor(numbers(2 * 3, seed: 3), columns: 3), tensor(numbers(2 * 3, seed: 4), columns: 3))
    let gradient = tensor(factors, columns: 12)
    backend.rotateGradient(gradient, headDimension: 6, cosine: cosine, sine: sine)
    expectGradient(
      of: { x in
        let out = tensor(x, columns: 12)
        backend.rotate(out, headDimension: 6, cosine: cosine, sine: sine)
        return product(out, factors)
      }, at: x, analytic: backend.read(gradient), "rotate")
  }

  @Test(
    "attention over whole sequences",
    arguments: [nil, AttentionWindow(size: 2, sinks: 0), AttentionWindow(size: 3, sinks: 1)] as [AttentionWindow?])
  func attention(_ window: AttentionWindow?) {
    let call = AttentionShape(heads: 4, keyValueHeads: 2, headDimension: 3, scale: 0.7, window: window)
    let (lengths, tokens, width, keyWidth) = ([6, 0, 3], 9, 12, 6)
    let point = numbers(tokens * (width + 2 * keyWidth), seed: 5)
    let factors = numbers(tokens * width, seed: 6)
    func operands(_ x: [Double]) -> (query: Tensor, sequences: [SequenceCache]) {
      let key = tensor(x[tokens * width..<tokens * (width + keyWidth)], columns: keyWidth)
      let value = tensor(x[(tokens * (width + keyWidth))...], columns: keyWidth)
      var first = 0
      let sequences = lengths.map { length in
        defer { first += length }
        let rows = first..<first + length
        return SequenceCache(
          rows: rows, position: 0, keys: backend.cache(key.rows(rows), heads: 2),
          values: backend.cache(value.rows(rows), heads: 2))
      }
      return (tensor(x[..<(tokens * width)], columns: width), sequences)
    }
    let (query, sequences) = operands(point)
    let gradients = [width, keyWidth, keyWidth].map { backend.makeTensor(rows: tokens, columns: $0) }
    backend.attentionGradient(
      call, query: query, sequences: sequences, gradient: tensor(factors, columns: width), into: gradients[0],
      gradients[1], gradients[2])
    expectGradient(
      of: { x in
        let (query, sequences) = operands(x)
        let out = backend.makeTensor(rows: tokens, columns: width)
        backend.attention(call, query: query, sequences: sequences, into: out)
        return product(out, factors)
      }, at: point, analytic: gradients.flatMap { backend.read($0) }, "attention")
  }

  @Test("keys and values of a bfloat16 cache have gradients as if they had not been rounded")
  func roundedCache() throws {
    let call = AttentionShape(heads: 1, keyValueHeads: 1, headDimension: 2, scale: 1)
    let rows = tensor([0.5, -1, 0.25, 2, 1, 0.75], columns: 2)
    let gradients = CacheType.allCases.map { type in
      let cache = backend.cache(rows, heads: 1, type: type)
      let results = (0..<3).map { _ in backend.makeTensor(rows: 3, columns: 2) }
      backend.attentionGradient(
        call, query: rows, sequences: [SequenceCache(rows: 0..<3, position: 0, keys: cache, values: cache)],
        gradient: rows, into: results[0], results[1], results[2])
      return results.flatMap { backend.read($0) }
    }
    // bfloat16 has all of these numbers.
    #expect(gradients[0] == gradients[1])
  }

  @Test("convolution from zeros, and its weight", arguments: [1, 2, 4])
  func convolution(_ kernel: Int) throws {
    let (tokens, channels, sequences) = (8, 3, [0..<5, 5..<5, 5..<8])
    let point = numbers(channels * (tokens + kernel), seed: 7)
    let factors = numbers(tokens * channels, seed: 8)
    func operands(_ x: [Double]) throws -> (x: Tensor, taps: Weight) {
      (tensor(x[..<(tokens * channels)], columns: channels), try weight(x[(tokens * channels)...], [channels, kernel]))
    }
    let (x, taps) = try operands(point)
    let result = backend.makeTensor(rows: tokens, columns: channels)
    let sums = tensor([Double](repeating: 1, count: channels * kernel), columns: kernel)
    backend.convolutionGradient(
      x, weight: taps, sequences: sequences, gradient: tensor(factors, columns: channels), into: result,
      addingTo: sums)
    expectGradient(
      of: { x in
        let (x, taps) = try operands(x)
        let out = backend.makeTensor(rows: tokens, columns: channels)
        let states = sequences.map { rows in
          SequenceState(
            rows: rows, state: tensor([Double](repeating: 0, count: (kernel - 1) * channels), columns: channels))
        }
        backend.convolution(x, weight: taps, sequences: states, into: out)
        return product(out, factors)
      }, at: point, analytic: backend.read(result) + backend.read(sums).map { $0 - 1 }, "convolution")
  }

  @Test(
    "log decays, their rates and biases", arguments: [nil, -5] as [Double?],
    [(heads: 3, channels: 1), (heads: 2, channels: 3)])
  func logDecay(_ bound: Double?, _ shape: (heads: Int, channels: Int)) throws {
    let (rows, heads, columns) = (4, shape.heads, shape.heads * shape.channels)
    let point = numbers(rows * columns + heads + columns, seed: 9, in: -2...2)
    let factors = numbers(rows * columns, seed: 10)
    func operands(_ x: [Double]) throws -> (x: Tensor, logRate: Weight, bias: Weight) {
      (
        tensor(x[..<(rows * columns)], columns: columns),
        try weight(x[rows * columns..<rows * columns + heads], [heads]),
        try weight(x[(rows * columns + heads)...], [columns])
      )
    }
    let (x, logRate, bias) = try operands(point)
    let gradient = tensor(factors, columns: columns)
    let sums = [heads, columns].map { tensor([Double](repeating: 1, count: $0), columns: $0) }
    backend.logDecayGradient(
      x, logRate: logRate, bias: bias, bound: bound, inPlace: gradient, addingTo: sums[0], sums[1])
    expectGradient(
      of: { x in
        let (x, logRate, bias) = try operands(x)
        backend.logDecay(x, logRate: logRate, bias: bias, bound: bound)
        return product(x, factors)
      }, at: point, analytic: backend.read(gradient) + sums.flatMap { backend.read($0) }.map { $0 - 1 }, "logDecay")
  }

  @Test("log sigmoid")
  func logSigmoid() {
    let (x, factors) = (numbers(20, seed: 11, in: -8...8), numbers(20, seed: 12))
    let gradient = tensor(factors, columns: 5)
    backend.logSigmoidGradient(tensor(x, columns: 5), scale: 0.0625, inPlace: gradient)
    expectGradient(
      of: { x in
        let out = tensor(x, columns: 5)
        backend.logSigmoid(out, scale: 0.0625)
        return product(out, factors)
      }, at: x, analytic: backend.read(gradient), "logSigmoid")
  }
}
