import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("determinism of dense gradients")
struct DenseGradientDeterminismTests {
  @Test("gradients are the same bits for any number of threads", arguments: InstructionSet.available)
  func threadsDoNotMatter(_ instructionSet: InstructionSet) throws {
    let one = try results(threads: 1, instructionSet)
    for threads in [2, 3, 7] {
      let many = try results(threads: threads, instructionSet)
      for (name, values) in one { #expect(values == many[name], "\(name) on \(threads) threads") }
    }
  }

  /// What is summed over rows or outputs, in enough pieces that every thread has some.
  private func results(threads: Int, _ instructionSet: InstructionSet) throws -> [String: [UInt64]] {
    let backend = try CPUBackend(threads: threads, instructionSet: instructionSet)
    let operands = BackendComparison(backend, against: ReferenceBackend(), seed: 21)
    var results: [String: [UInt64]] = [:]
    func note(_ name: String, _ tensor: Tensor) {
      results[name] = backend.readFloats(tensor).map { UInt64($0.bitPattern) }
    }
    func sum(_ rows: Int, _ columns: Int) -> Tensor { operands.random(rows, columns).tested }

    for (rows, outputs, inputs) in [(300, 405, 130), (40, 33, 70), (600, 200, 97)] {
      let (x, gradient) = (sum(rows, inputs), sum(rows, outputs))
      let weights = try [ElementType.float32, .bfloat16].map { try operands.weight([outputs, inputs], $0).tested }
      let (xGradient, weightGradient, biasGradient) = (sum(rows, inputs), sum(outputs, inputs), sum(1, outputs))
      backend.linearInputGradient([gradient, gradient], weights, adding: true, into: xGradient)
      backend.linearWeightGradient(x, gradient, addingTo: weightGradient)
      backend.biasGradient(gradient, addingTo: biasGradient)
      note("linearInputGradient of \(rows)", xGradient)
      note("linearWeightGradient of \(rows)", weightGradient)
      note("biasGradient of \(rows)", biasGradient)
    }

    let (x, gradient) = (sum(500, 192), sum(500, 192))
    let gain = try operands.weight([64], .float32).tested
    let (gains, table) = ([sum(1, 64), sum(1, 64)], sum(7, 192))
    backend.rmsNormGradient(x, gain: gain, epsilon: 1e-5, gradient: gradient, into: gradient, addingTo: gains[0])
    backend.scaleChannelsGradient(x, gain: gain, inPlace: gradient, addingTo: gains[1])
    backend.embedGradient((0..<500).map { $0 * $0 % 7 }, gradient, addingTo: table)
    note("norm and gain", gradient)
    note("gain of a norm", gains[0])
    note("gain", gains[1])
    note("embedGradient", table)

    let losses = sum(500, 1)
    backend.divergenceGradient(teacher: gradient, inPlace: x, temperature: 1, scale: 1, into: losses)
    note("divergenceGradient", x)
    note("losses", losses)
    results["sumOfSquares"] = [backend.sumOfSquares(x).bitPattern]
    return results
  }
}
