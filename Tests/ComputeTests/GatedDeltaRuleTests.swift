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
    let recurrence = GoldenRecurrence(golden, name, .perHead, .delta)
    recurrence.expect(chunkSize, on: ReferenceBackend(), within: 1e-11)
    for instructionSet in InstructionSet.available {
      for product in MatrixProduct.allCases {
        recurrence.expect(
          chunkSize, on: try CPUBackend(threads: 2, instructionSet: instructionSet, matrixProduct: product),
          within: 1e-5)
      }
    }
  }

  @Test(
    "without decay, orthonormal keys recall their values exactly", arguments: [nil, 16] as [Int?],
    LinearRecurrenceShape.Decay.allCases)
  func associativeRecall(_ chunkSize: Int?, _ decay: LinearRecurrenceShape.Decay) throws {
    let size = 32
    let call = LinearRecurrenceShape(
      heads: 1, keyValueHeads: 1, keyDimension: size, valueDimension: size, scale: 1, decay: decay,
      chunkSize: chunkSize)
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
      let zeros = [Double](repeating: 0, count: size * call.decayWidth)
      let state = backend.makeTensor(rows: size, columns: size)
      backend.fill(state, with: 0)
      let out = backend.makeTensor(rows: size, columns: size)
      for _ in 0..<2 {
        // The second time the memory holds every pair already: nothing is left to correct.
        backend.linearRecurrence(
          call, query: tensor(unit, columns: size), key: tensor(unit, columns: size),
          value: tensor(values, columns: size), logDecay: tensor(zeros, columns: call.decayWidth),
          beta: tensor(ones, columns: 1),
          sequences: [SequenceState(rows: 0..<size, state: state)], into: out)
        #expect(backend.read(out) == values)
        #expect(backend.read(state) == values)
      }
    }
  }
}
