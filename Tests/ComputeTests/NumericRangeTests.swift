import CKernels
import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("numeric range")
struct NumericRangeTests {
  @Test("exp is right to 3e-7 over its whole range", arguments: InstructionSet.available)
  func exponentialIsAccurate(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 1, instructionSet: instructionSet)
    // From where the result is the smallest normal number to where it overflows.
    let count = 200_003
    let inputs = (0..<count).map { Float(-87.33 + Double($0) * (88.72 + 87.33) / Double(count - 1)) }
    var outputs = inputs
    backend.kernels.exponential(&outputs, count)
    let worst = zip(inputs, outputs).map { abs(Double($0.1) / exp(Double($0.0)) - 1) }.max() ?? .infinity
    #expect(worst < 3e-7)
  }

  @Test("exp at and beyond the ends of its range", arguments: InstructionSet.available)
  func exponentialAtTheEnds(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 1, instructionSet: instructionSet)
    var values: [Float] = [-.infinity, -1e30, -200, -110, 0, -0.0, 89, 1e30, .infinity, .nan, 88.72]
    backend.kernels.exponential(&values, values.count)
    #expect(values[..<4].allSatisfy { $0 == 0 })
    #expect(values[4] == 1 && values[5] == 1)
    #expect(values[6..<9].allSatisfy { $0 == .infinity })
    #expect(values[9].isNaN)
    #expect(values[10].isFinite)
  }

  @Test(
    "with quantised weights a number that is not finite shows in its own row only", arguments: InstructionSet.available)
  func quantizedProductOfBrokenRows(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 2, instructionSet: instructionSet)
    let comparison = BackendComparison(backend, against: ReferenceBackend(), seed: 5)
    let plain = try comparison.weight([70, 96], .float32)
    for type in QuantizedType.allCases {
      let weight = try #require(backend.quantize(plain.tested, as: type)).weight
      for broken in [Double.nan, .infinity, -.infinity] {
        for rows in [1, 2, 3, 8, 9] {
          var values = (0..<rows * 96).map { _ in comparison.generator.uniform(-1, 1) }
          values[(rows / 2) * 96 + 50] = broken
          let out = comparison.memory(rows, 70).tested
          backend.linear(comparison.twin(rows, 96, values).tested, weight, into: out)
          let results = backend.read(out)
          for row in 0..<rows {
            #expect(results[row * 70..<(row + 1) * 70].allSatisfy { $0.isFinite == (row != rows / 2) })
          }
        }
      }
    }
  }

  @Test("attention with huge scores picks the greatest", arguments: [1, 70])
  func hugeScores(_ tokens: Int) throws {
    let backend = try CPUBackend(threads: 1)
    let call = AttentionShape(heads: 1, keyValueHeads: 1, headDimension: 2, scale: 1)
    let comparison = BackendComparison(backend, against: ReferenceBackend(), seed: 11)
    let keys = comparison.random(tokens + 600, 2, in: -1e15...1e15).tested
    let values = comparison.random(tokens + 600, 2).tested
    let query = comparison.random(tokens, 2, in: -1e15...1e15).tested
    let out = comparison.memory(tokens, 2).tested
    let sequence = SequenceCache(
      rows: 0..<tokens, position: 600, keys: backend.cache(keys, heads: 1), values: backend.cache(values, heads: 1))
    backend.attention(call, query: query, sequences: [sequence], into: out)
    let (k, v, q, o) = (backend.read(keys), backend.read(values), backend.read(query), backend.read(out))
    for token in 0..<tokens {
      let scores = (0...600 + token).map { q[2 * token] * k[2 * $0] + q[2 * token + 1] * k[2 * $0 + 1] }
      let best = scores.indices.max { scores[$0] < scores[$1] }!
      #expect(o[2 * token] == v[2 * best] && o[2 * token + 1] == v[2 * best + 1])
    }
  }

  @Test("attention leaves out keys whose score is minus infinity", arguments: [1, 70])
  func infiniteScores(_ tokens: Int) throws {
    let backend = try CPUBackend(threads: 1)
    let call = AttentionShape(heads: 1, keyValueHeads: 1, headDimension: 1, scale: 1)
    let comparison = BackendComparison(backend, against: ReferenceBackend(), seed: 12)
    let rows = tokens + 600
    // Whole parts of the cache are hidden, the first one too.
    let keys = comparison.twin(rows, 1, (0..<rows).map { $0 == 599 ? 1 : -.infinity }).tested
    let values = comparison.twin(rows, 1, (0..<rows).map { Double($0) }).tested
    let query = comparison.twin(tokens, 1, [Double](repeating: 1, count: tokens)).tested
    let out = comparison.memory(tokens, 1).tested
    let sequence = SequenceCache(
      rows: 0..<tokens, position: 600, keys: backend.cache(keys, heads: 1), values: backend.cache(values, heads: 1))
    backend.attention(call, query: query, sequences: [sequence], into: out)
    #expect(backend.read(out).allSatisfy { $0 == 599 })
  }

  @Test("judgement of rows with infinite and huge logits", arguments: InstructionSet.available)
  func extremeLogits(_ instructionSet: InstructionSet) throws {
    for backend in [ReferenceBackend(), try CPUBackend(threads: 1, instructionSet: instructionSet)] as [any Backend] {
      func row(_ values: [Double]) -> Tensor {
        let tensor = backend.makeTensor(rows: 1, columns: values.count)
        backend.write(values, to: tensor)
        return tensor
      }
      let out = backend.makeTensor(rows: 1, columns: 1)
      let hidden = [Double](repeating: -.infinity, count: 37)
      backend.logSumExp(row(hidden), into: out)
      #expect(backend.read(out) == [-.infinity])
      backend.logSumExp(row([Double](repeating: 1e30, count: 37)), into: out)
      #expect(backend.read(out)[0].isFinite)
      // What the teacher rules out, the student may say anything about.
      backend.divergence(teacher: row([0] + hidden), student: row([Double](repeating: 0, count: 38)), into: out)
      #expect(abs(backend.read(out)[0] - log(38)) < 1e-5)
      backend.divergence(teacher: row([0] + hidden), student: row([5] + hidden), into: out)
      #expect(backend.read(out)[0] == 0)
      backend.divergence(teacher: row([Double](repeating: 0, count: 38)), student: row([5] + hidden), into: out)
      #expect(backend.read(out)[0] == .infinity)
    }
  }

  @Test("activations at the ends of their range", arguments: InstructionSet.available)
  func extremeActivations(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 1, instructionSet: instructionSet)
    func tensor() -> Tensor {
      let tensor = backend.makeTensor(rows: 1, columns: 4)
      backend.write([-1e30, -100, 100, 1e30], to: tensor)
      return tensor
    }
    let x = tensor()
    backend.sigmoid(x)
    #expect(backend.readFloats(x) == [0, 0, 1, 1])
    let y = tensor()
    backend.silu(y)
    #expect(backend.readFloats(y) == [0, 0, 100, 1e30])
  }
}
