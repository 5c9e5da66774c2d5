import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("gated delta rule")
struct GatedDeltaRuleTests {
  @Test(
    "golden values, recurrent and chunked", arguments: ["a", "b", "c"], [nil, 1, 16, 32, 64] as [Int?])
  func goldenValues(_ name: String, _ chunkSize: Int?) throws {
    let golden = try Golden("gated-delta-rule")
    try expectGolden(golden, name, chunkSize, on: ReferenceBackend(), within: 1e-11)
    for instructionSet in InstructionSet.available {
      for product in MatrixProduct.allCases {
        try expectGolden(
          golden, name, chunkSize,
          on: CPUBackend(threads: 2, instructionSet: instructionSet, matrixProduct: product), within: 1e-5)
      }
    }
  }

  private func expectGolden(
    _ golden: Golden, _ name: String, _ chunkSize: Int?, on backend: any Backend, within tolerance: Double
  ) throws {
    let (tokens, heads) = (golden["\(name).q"].shape[0], golden["\(name).q"].shape[1])
    let (keyDimension, valueDimension) = (golden["\(name).q"].shape[2], golden["\(name).v"].shape[2])
    func tensor(_ field: String, rows: Int) -> Tensor {
      let values = golden["\(name).\(field)"].values
      let tensor = backend.makeTensor(rows: rows, columns: values.count / rows)
      backend.write(values, to: tensor)
      return tensor
    }
    let state = tensor("S0", rows: heads * keyDimension)
    let out = backend.makeTensor(rows: tokens, columns: heads * valueDimension)
    backend.fill(out, with: .nan)
    backend.linearRecurrence(
      LinearRecurrenceShape(
        heads: heads, keyValueHeads: heads, keyDimension: keyDimension, valueDimension: valueDimension,
        scale: 1 / Double(keyDimension).squareRoot(), chunkSize: chunkSize),
      query: tensor("q", rows: tokens), key: tensor("k", rows: tokens), value: tensor("v", rows: tokens),
      logDecay: tensor("g", rows: tokens), beta: tensor("beta", rows: tokens),
      sequences: [SequenceState(rows: 0..<tokens, state: state)], into: out)
    #expect(relativeError(backend.read(out), golden["\(name).o"].values) < tolerance)
    #expect(relativeError(backend.read(state), golden["\(name).ST"].values) < tolerance)
  }

  @Test("without decay, orthonormal keys recall their values exactly", arguments: [nil, 16] as [Int?])
  func associativeRecall(_ chunkSize: Int?) throws {
    let size = 32
    let call = LinearRecurrenceShape(
      heads: 1, keyValueHeads: 1, keyDimension: size, valueDimension: size, scale: 1, chunkSize: chunkSize)
    for backend in [ReferenceBackend(), try CPUBackend(threads: 1)] as [any Backend] {
      var generator = SeededGenerator(seed: 5)
      let values = (0..<size * size).map { _ in Double(Float(generator.uniform(-1, 1))) }
      let unit = (0..<size * size).map { $0 / size == $0 % size ? 1.0 : 0 }
      func tensor(_ values: [Double], columns: Int) -> Tensor {
        let tensor = backend.makeTensor(rows: values.count / columns, columns: columns)
        backend.write(values, to: tensor)
        return tensor
      }
      let ones = [Double](repeating: 1, count: size)
      let zeros = [Double](repeating: 0, count: size)
      let state = backend.makeTensor(rows: size, columns: size)
      backend.fill(state, with: 0)
      let out = backend.makeTensor(rows: size, columns: size)
      for _ in 0..<2 {
        // The second time the memory holds every pair already: nothing is left to correct.
        backend.linearRecurrence(
          call, query: tensor(unit, columns: size), key: tensor(unit, columns: size),
          value: tensor(values, columns: size), logDecay: tensor(zeros, columns: 1), beta: tensor(ones, columns: 1),
          sequences: [SequenceState(rows: 0..<size, state: state)], into: out)
        #expect(backend.read(out) == values)
        #expect(backend.read(state) == values)
      }
    }
  }

  @Test("step by step equals prefill", arguments: InstructionSet.available)
  func stepsEqualPrefill(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 2, instructionSet: instructionSet)
    let call = LinearRecurrenceShape(
      heads: 4, keyValueHeads: 2, keyDimension: 64, valueDimension: 64, scale: 0.125)
    let operands = RecurrenceOperands(call, tokens: 200, on: backend, seed: 6)
    let whole = operands.run(call, pieces: [200])
    let steps = operands.run(call, pieces: [Int](repeating: 1, count: 200))
    let ragged = operands.run(call, pieces: [64, 1, 100, 35])
    #expect(relativeError(steps.out, whole.out) < 1e-4 && relativeError(steps.state, whole.state) < 1e-4)
    #expect(relativeError(ragged.out, whole.out) < 1e-4 && relativeError(ragged.state, whole.state) < 1e-4)
  }

  @Test("a decay to nothing forgets the state", arguments: [nil, 16] as [Int?])
  func totalDecay(_ chunkSize: Int?) throws {
    let backend = try CPUBackend(threads: 1)
    let call = LinearRecurrenceShape(
      heads: 1, keyValueHeads: 1, keyDimension: 16, valueDimension: 16, scale: 1, chunkSize: chunkSize)
    let operands = RecurrenceOperands(call, tokens: 20, on: backend, seed: 7)
    backend.fill(operands.logDecay.rows(10..<11), with: -.infinity)
    let whole = operands.run(call, pieces: [20])
    backend.fill(operands.state, with: 0)
    let fresh = operands.run(call, pieces: [20])
    #expect(whole.out[..<160] != fresh.out[..<160])
    #expect(relativeError(Array(whole.out[160...]), Array(fresh.out[160...])) < 1e-6)
    #expect(whole.state.allSatisfy { $0.isFinite })
  }
}

/// Random operands of a recurrence, and a way to run it piece by piece from the same state.
struct RecurrenceOperands {
  let backend: any Backend
  let query: Tensor
  let key: Tensor
  let value: Tensor
  let logDecay: Tensor
  let beta: Tensor
  let state: Tensor

  init(_ call: LinearRecurrenceShape, tokens: Int, on backend: any Backend, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func random(_ rows: Int, _ columns: Int, _ low: Double, _ high: Double) -> Tensor {
      let tensor = backend.makeTensor(rows: rows, columns: columns)
      backend.write((0..<rows * columns).map { _ in generator.uniform(low, high) }, to: tensor)
      return tensor
    }
    self.backend = backend
    query = random(tokens, call.heads * call.keyDimension, -1, 1)
    key = random(tokens, call.keyValueHeads * call.keyDimension, -1, 1)
    backend.l2Normalize(key, groupSize: call.keyDimension, epsilon: 1e-6)
    value = random(tokens, call.keyValueHeads * call.valueDimension, -1, 1)
    logDecay = random(tokens, call.heads, -0.2, 0)
    beta = random(tokens, call.heads, 0, 1)
    state = random(call.heads * call.keyDimension, call.valueDimension, -1, 1)
  }

  func run(_ call: LinearRecurrenceShape, pieces: [Int]) -> (out: [Double], state: [Double]) {
    let current = backend.makeTensor(rows: state.rows, columns: state.columns)
    backend.copy(state, to: current)
    let out = backend.makeTensor(rows: query.rows, columns: call.heads * call.valueDimension)
    backend.fill(out, with: .nan)
    var first = 0
    for count in pieces {
      let rows = first..<first + count
      backend.linearRecurrence(
        call, query: query.rows(rows), key: key.rows(rows), value: value.rows(rows), logDecay: logDecay.rows(rows),
        beta: beta.rows(rows), sequences: [SequenceState(rows: 0..<count, state: current)], into: out.rows(rows))
      first += count
    }
    return (backend.read(out), backend.read(current))
  }
}

/// Greatest difference over the greatest expected magnitude.
func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
  let scale = expected.reduce(0) { max($0, abs($1)) }
  return zip(found, expected).reduce(0) { worst, pair in
    let error = abs(pair.0 - pair.1) / max(scale, .leastNormalMagnitude)
    return error.isNaN ? .infinity : max(worst, error)
  }
}
