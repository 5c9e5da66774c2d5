import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

/// The reference against finite differences; other backends are compared with it by `checkBackend`.
@Suite("gradients of dense layers, norms and activations")
struct DenseGradientTests {
  private let backend = ReferenceBackend()
  private let rows = 4
  private let columns = 6

  private func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Double> = -1...1) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return generator.numbers(count, in: range)
  }

  private func weight(_ values: some Collection<Double>, columns: Int) -> Weight {
    backend.weight(sharing: backend.tensor(values, columns: columns))
  }

  /// Gradients of parameters begin at one, so that adding shows.
  private func ones(_ rows: Int, _ columns: Int) -> Tensor {
    backend.tensor([Double](repeating: 1, count: rows * columns), columns: columns)
  }

  private func nothing(_ rows: Int, _ columns: Int) -> Tensor {
    backend.tensor([Double](repeating: .nan, count: rows * columns), columns: columns)
  }

  private func added(_ sum: Tensor) -> [Double] { backend.read(sum).map { $0 - 1 } }

  @Test("embedding: rows of the same id add up")
  func embedding() {
    let ids = [2, 0, 2, 4]
    let factors = numbers(ids.count * 3, seed: 1)
    let sum = ones(5, 3)
    backend.embedGradient(ids, backend.tensor(factors, columns: 3), addingTo: sum)
    expectGradient(
      of: { table in
        let out = backend.makeTensor(rows: ids.count, columns: 3)
        backend.embed(ids, weight(table, columns: 3), into: out)
        return backend.product(out, factors)
      }, at: numbers(5 * 3, seed: 2), analytic: added(sum), "embed")
  }

  @Test("linear layers of one input", arguments: [false, true])
  func linear(_ adding: Bool) {
    let outputs = [3, 5]
    let point = numbers(rows * columns + 8 * columns, seed: 3)
    let factors = outputs.map { numbers(rows * $0, seed: 4 + UInt64($0)) }
    func operands(_ point: [Double]) -> (x: Tensor, weights: [Weight]) {
      let (x, weights) = (point.prefix(rows * columns), point.dropFirst(rows * columns))
      let parts = [weights.prefix(3 * columns), weights.dropFirst(3 * columns)]
      return (backend.tensor(x, columns: columns), parts.map { weight($0, columns: columns) })
    }
    let (x, weights) = operands(point)
    let gradients = zip(factors, outputs).map { backend.tensor($0, columns: $1) }
    let xGradient = adding ? ones(rows, columns) : nothing(rows, columns)
    backend.linearInputGradient(gradients, weights, adding: adding, into: xGradient)
    let sums = outputs.map { ones($0, columns) }
    for (gradient, sum) in zip(gradients, sums) { backend.linearWeightGradient(x, gradient, addingTo: sum) }
    let analytic = adding ? added(xGradient) : backend.read(xGradient)
    expectGradient(
      of: { point in
        let (x, weights) = operands(point)
        let outs = outputs.map { backend.makeTensor(rows: rows, columns: $0) }
        backend.linear(x, weights, into: outs)
        return zip(outs, factors).reduce(0) { $0 + backend.product($1.0, $1.1) }
      }, at: point, analytic: analytic + sums.flatMap { added($0) }, "linear")
  }

  @Test("bias")
  func bias() {
    let (x, factors) = (numbers(rows * columns, seed: 5), numbers(rows * columns, seed: 6))
    let sum = ones(1, columns)
    backend.biasGradient(backend.tensor(factors, columns: columns), addingTo: sum)
    expectGradient(
      of: { bias in
        let out = backend.tensor(x, columns: columns)
        backend.addBias(weight(bias, columns: columns), to: out)
        return backend.product(out, factors)
      }, at: numbers(columns, seed: 7), analytic: added(sum), "bias")
  }

  /// With a gain of one group of columns after the other: of the whole row, and of each half.
  @Test("norm and gain, and the gain alone", arguments: [1, 2])
  func norms(_ groups: Int) {
    let width = columns / groups
    let point = numbers(rows * columns + width, seed: 8)
    let factors = numbers(rows * columns, seed: 9)
    func operands(_ point: [Double]) -> (x: Tensor, gain: Weight) {
      (
        backend.tensor(point[..<(rows * columns)], columns: columns),
        weight(point[(rows * columns)...], columns: width)
      )
    }
    let (x, gain) = operands(point)
    let (sum, result) = (ones(1, width), nothing(rows, columns))
    let gradient = backend.tensor(factors, columns: columns)
    backend.rmsNormGradient(x, gain: gain, epsilon: 0.1, gradient: gradient, into: result, addingTo: sum)
    expectGradient(
      of: { point in
        let (x, gain) = operands(point)
        backend.rmsNorm(x, gain: gain, epsilon: 0.1, into: x)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(result) + added(sum), "rmsNorm")
    backend.rmsNormGradient(x, gain: gain, epsilon: 0.1, gradient: gradient, into: gradient, addingTo: nil)
    #expect(backend.read(gradient) == backend.read(result), "in place")

    let (channels, product) = (ones(1, width), backend.tensor(factors, columns: columns))
    backend.scaleChannelsGradient(x, gain: gain, inPlace: product, addingTo: channels)
    expectGradient(
      of: { point in
        let (x, gain) = operands(point)
        backend.scaleChannels(x, gain: gain)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(product) + added(channels), "scaleChannels")
  }

  @Test("unit length", arguments: [1, 3, 6])
  func unitLength(_ groupSize: Int) {
    let (point, factors) = (numbers(rows * columns, seed: 10), numbers(rows * columns, seed: 11))
    let gradient = backend.tensor(factors, columns: columns)
    backend.l2NormalizeGradient(
      backend.tensor(point, columns: columns), groupSize: groupSize, epsilon: 0.1, inPlace: gradient)
    expectGradient(
      of: { point in
        let x = backend.tensor(point, columns: columns)
        backend.l2Normalize(x, groupSize: groupSize, epsilon: 0.1)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(gradient), "l2Normalize")
  }

  @Test("activations")
  func activations() {
    let (point, factors) = (numbers(24, seed: 12, in: -6...6), numbers(24, seed: 13))
    let silu = backend.tensor(factors, columns: columns)
    backend.siluGradient(backend.tensor(point, columns: columns), inPlace: silu)
    expectGradient(
      of: { point in
        let x = backend.tensor(point, columns: columns)
        backend.silu(x)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(silu), "silu")

    let y = backend.tensor(point, columns: columns)
    backend.sigmoid(y)
    let sigmoid = backend.tensor(factors, columns: columns)
    backend.sigmoidGradient(y, inPlace: sigmoid)
    expectGradient(
      of: { point in
        let x = backend.tensor(point, columns: columns)
        backend.sigmoid(x)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(sigmoid), "sigmoid")
  }

  @Test("gated products")
  func gates() {
    let (point, factors) = (numbers(48, seed: 14, in: -6...6), numbers(24, seed: 15))
    func operands(_ point: [Double]) -> (x: Tensor, gate: Tensor) {
      (backend.tensor(point[..<24], columns: columns), backend.tensor(point[24...], columns: columns))
    }
    let (x, gate) = operands(point)
    let results = (0..<2).map { _ in (x: backend.tensor(factors, columns: columns), gate: nothing(rows, columns)) }
    backend.multiplySiLUGradient(x, gate: gate, inPlace: results[0].x, into: results[0].gate)
    expectGradient(
      of: { point in
        let (x, gate) = operands(point)
        backend.multiplySiLU(gate, into: x)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(results[0].x) + backend.read(results[0].gate), "multiplySiLU")
    backend.multiplySigmoidGradient(x, gate: gate, inPlace: results[1].x, into: results[1].gate)
    expectGradient(
      of: { point in
        let (x, gate) = operands(point)
        backend.multiplySigmoid(gate, into: x)
        return backend.product(x, factors)
      }, at: point, analytic: backend.read(results[1].x) + backend.read(results[1].gate), "multiplySigmoid")
  }
}
