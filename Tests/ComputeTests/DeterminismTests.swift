import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("determinism")
struct DeterminismTests {
  @Test("results are the same bits for any number of threads", arguments: InstructionSet.available)
  func threadsDoNotMatter(_ instructionSet: InstructionSet) throws {
    let one = try results(threads: 1, instructionSet)
    for threads in [2, 3, 5] {
      let many = try results(threads: threads, instructionSet)
      for (name, values) in one { #expect(values == many[name], "\(name) on \(threads) threads") }
    }
  }

  private func results(threads: Int, _ instructionSet: InstructionSet) throws -> [String: [UInt32]] {
    let backend = try CPUBackend(threads: threads, instructionSet: instructionSet)
    let operands = BackendComparison(backend, against: ReferenceBackend(), seed: 8)
    var results: [String: [UInt32]] = [:]
    func note(_ name: String, _ tensor: Tensor) { results[name] = backend.readFloats(tensor).map(\.bitPattern) }

    for type in [ElementType.float32, .bfloat16] {
      let weight = try operands.weight([300, 100], type).tested
      for rows in [1, 5, 40, 300] {
        let out = operands.memory(rows, 300).tested
        backend.linear(operands.random(rows, 100).tested, weight, into: out)
        note("linear \(type.rawValue) of \(rows)", out)
      }
    }
    let attention = AttentionShape(heads: 6, keyValueHeads: 2, headDimension: 32, scale: 0.2)
    for type in CacheType.allCases {
      let keys = backend.cache(operands.random(700, 64).tested, heads: 2, type: type)
      let values = backend.cache(operands.random(700, 64).tested, heads: 2, type: type)
      for tokens in [1, 3, 130] {
        let out = operands.memory(tokens, 192).tested
        backend.attention(
          attention, query: operands.random(tokens, 192).tested,
          sequences: [SequenceCache(rows: 0..<tokens, position: 570, keys: keys, values: values)], into: out)
        note("attention of \(tokens), \(type.rawValue)", out)
      }
    }
    for (decay, update) in LinearRecurrenceShape.kinds {
      for chunk in [nil, 16] {
        let call = LinearRecurrenceShape(
          heads: 5, keyValueHeads: 5, keyDimension: 64, valueDimension: 96, scale: 0.1, decay: decay, update: update,
          chunkSize: chunk)
        let run = RandomRecurrence(call, tokens: 50, on: backend, seed: 9).run(call, pieces: [50])
        results["recurrence \(decay) \(update) \(chunk ?? 0)"] = (run.out + run.state).map { Float($0).bitPattern }
      }
    }
    try noteGradients(backend, operands, note)
    let x = operands.random(100, 500).tested
    backend.rmsNorm(x, gain: try operands.weight([500], .float32).tested, epsilon: 1e-5, into: x)
    backend.silu(x)
    note("norm and activation", x)
    return results
  }

  /// What is summed over rows, heads of a group and sequences.
  private func noteGradients(
    _ backend: CPUBackend, _ operands: BackendComparison, _ note: (String, Tensor) -> Void
  ) throws {
    let attention = AttentionShape(heads: 6, keyValueHeads: 2, headDimension: 32, scale: 0.2)
    let sequences = [0..<130, 130..<170].map { rows in
      SequenceCache(
        rows: rows, position: 0, keys: backend.cache(operands.random(rows.count, 64).tested, heads: 2),
        values: backend.cache(operands.random(rows.count, 64).tested, heads: 2))
    }
    let (query, gradient) = (operands.random(170, 192).tested, operands.random(170, 192).tested)
    let gradients = [192, 64, 64].map { operands.memory(170, $0).tested }
    backend.attentionGradient(
      attention, query: query, sequences: sequences, gradient: gradient, into: gradients[0], gradients[1], gradients[2])
    for (name, tensor) in zip(["query", "key", "value"], gradients) { note("attentionGradient, \(name)", tensor) }

    let weight = try operands.weight([192, 1, 4], .float32).tested
    let (out, sums) = (operands.memory(170, 192).tested, operands.random(192, 4).tested)
    backend.convolutionGradient(
      query, weight: weight, sequences: [0..<130, 130..<170], gradient: gradient, into: out, addingTo: sums)
    note("convolutionGradient", out)
    note("convolutionGradient, weight", sums)
    let (rate, bias) = (try operands.weight([6], .float32).tested, try operands.weight([192], .float32).tested)
    let rateSums = [6, 192].map { operands.random(1, $0).tested }
    backend.logDecayGradient(
      query, logRate: rate, bias: bias, bound: nil, inPlace: gradient, addingTo: rateSums[0], rateSums[1])
    note("logDecayGradient", gradient)
    for (name, tensor) in zip(["logRate", "bias"], rateSums) { note("logDecayGradient, \(name)", tensor) }

    for (decay, update) in LinearRecurrenceShape.kinds {
      let call = LinearRecurrenceShape(
        heads: 6, keyValueHeads: 2, keyDimension: 32, valueDimension: 40, scale: 0.2, decay: decay, update: update)
      let problem = RecurrenceProblem(call, lengths: [50, 3, 20], on: backend)
      let values = problem.gradient(at: problem.point)
      note("recurrence gradient \(decay) \(update)", operands.twin(1, values.count, values).tested)
    }
  }

  @Test("rows of one product do not depend on their company", arguments: InstructionSet.available)
  func rowsAreIndependent(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 2, instructionSet: instructionSet)
    let operands = BackendComparison(backend, against: ReferenceBackend(), seed: 10)
    let weight = try operands.weight([77, 130], .bfloat16).tested
    let x = operands.random(8, 130).tested
    let together = operands.memory(8, 77).tested
    backend.linear(x, weight, into: together)
    let alone = operands.memory(8, 77).tested
    for row in 0..<8 { backend.linear(x.rows(row..<row + 1), weight, into: alone.rows(row..<row + 1)) }
    #expect(backend.readFloats(together) == backend.readFloats(alone))
  }
}
