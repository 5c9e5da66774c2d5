import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("verification")
struct VerificationTests {
  /// A result of verification, as much of it as failures are judged by.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var differences: [(difference: Double, output: Double)] = [(1e-6, 1)]
    var divergence: Double?
    var logitDifference = 0.0
    var limit: Double?
    /// What the failures must mention, one each.
    let failures: [String]
  }

  static let cases = [
    Case(testDescription: "all is well", failures: []),
    Case(testDescription: "a difference at the tolerance", differences: [(1e-3, 0.1)], failures: []),
    Case(testDescription: "a difference above it", differences: [(1e-6, 1), (1.1e-3, 0.1)], failures: ["layer 1"]),
    Case(testDescription: "a large difference of large outputs", differences: [(0.05, 100)], failures: []),
    Case(testDescription: "a larger one", differences: [(0.2, 100)], failures: ["layer 0"]),
    Case(testDescription: "no number", differences: [(.nan, 1), (.nan, .nan)], failures: ["layer 0", "layer 1"]),
    Case(testDescription: "a divergence without a limit", divergence: 3, logitDifference: 1, failures: []),
    Case(testDescription: "a divergence at the limit", divergence: 0.2, logitDifference: 1, limit: 0.2, failures: []),
    Case(
      testDescription: "a divergence above it", divergence: 0.21, logitDifference: 1, limit: 0.2,
      failures: ["KL 0.21 is above the accepted 0.2"]),
    Case(
      testDescription: "a divergence that is no number", divergence: .nan, logitDifference: 1,
      failures: ["not a number"]),
    Case(
      testDescription: "a divergence that is no number, with a limit", divergence: .nan, logitDifference: 1, limit: 1,
      failures: ["not a number", "above the accepted"]),
  ]

  private func verification(_ result: Case, converted: String) throws -> Verification {
    let tensors = try TensorComparison(ModelDirectory(Fixtures.model).reader, ModelDirectory(converted).reader)
    return Verification(
      tensors: tensors, hasSameMixers: true, keptLayers: [],
      agreement: result.differences.enumerated().map { index, layer in
        MixerAgreement(
          layer: index, mixer: "softmax-attention", largestDifference: layer.difference, largestOutput: layer.output)
      },
      text: result.divergence.map {
        TextComparison(
          documents: 1, tokens: 2, divergence: $0, topOneAgreement: 1, teacherPerplexity: 2, studentPerplexity: 3,
          largestLogitDifference: result.logitDifference)
      })
  }

  @Test("fails for each thing that is wrong and for nothing else", arguments: cases)
  func failures(_ result: Case) throws {
    let verification = try verification(result, converted: Fixtures.hybrid)
    let failures = verification.failures(largestDivergence: result.limit)
    #expect(failures.count == result.failures.count, "\(failures)")
    for (found, expected) in zip(failures, result.failures) { #expect(found.contains(expected), "\(found)") }
    #expect(verification.json(failures)["passed"] == .bool(failures.isEmpty))
    #expect(verification.text(failures).hasSuffix("passed\n") == failures.isEmpty)
    for failure in failures { #expect(verification.text(failures).contains("FAILED: \(failure)\n")) }
  }

  @Test("identical models must give identical logits")
  func identical() throws {
    let same = Case(testDescription: "", divergence: 0, failures: [])
    #expect(try verification(same, converted: Fixtures.model).failures(largestDivergence: nil) == [])
    let other = Case(testDescription: "", divergence: 0, logitDifference: 1e-7, failures: [])
    let failures = try verification(other, converted: Fixtures.model).failures(largestDivergence: nil)
    #expect(failures == ["the models are identical, the logits are not"])
  }

  @Test("a layer that gives no number is not passed over for one that does")
  func largest() throws {
    let result = Case(testDescription: "", differences: [(0.1, 1), (.nan, 1), (0.2, 1)], failures: [])
    #expect(try verification(result, converted: Fixtures.hybrid).prefillDecodeLargest.isNaN)
  }

  @Test("of the fixture and its hybrid counts tensors and kept layers")
  func fixtures() throws {
    let result = try Verification.run(
      source: ModelDirectory(Fixtures.model), converted: ModelDirectory(Fixtures.hybrid),
      backend: try BackendRegistry.make("cpu", threads: 2), documents: [], probe: [1, 2, 3, 4])
    #expect(result.text == nil)
    #expect(result.tensors.count(.equal) == 0)
    #expect(result.tensors.count(.changed) == 74 - 6 * 4)
    #expect(result.tensors.count(.added) == 6 * 10)
    #expect(result.tensors.count(.removed) == 6 * 4)
    #expect(result.keptLayers.map(\.layer) == [0, 6])
    #expect(result.keptLayers.allSatisfy { !$0.equal })
    #expect(result.agreement.map(\.layer) == Array(0..<8))
    #expect(result.failures(largestDivergence: nil) == [])
  }

  @Test("a tensor of the same bytes and another type or shape has changed, so has one with another bit")
  func tensorStatus() throws {
    let scratch = TemporaryDirectory()
    let copy = ModelCopy(in: scratch)
    try copy.rewriteWeights { tensors in
      for index in tensors.indices {
        switch tensors[index].name {
        case "model.norm.weight": tensors[index].elementType = .float16
        case "model.layers.0.input_layernorm.weight": tensors[index].shape = [2, 128]
        case "model.layers.7.mlp.up_proj.weight": tensors[index].bytes[262_143] ^= 0x80
        default: break
        }
      }
    }
    let comparison = try TensorComparison(
      ModelDirectory(Fixtures.model).reader, FormatRegistry.open(copy.file("model.safetensors")))
    #expect(
      Set(comparison.tensors.filter { $0.status == .changed }.map(\.name)) == [
        "model.norm.weight", "model.layers.0.input_layernorm.weight", "model.layers.7.mlp.up_proj.weight",
      ])
    #expect(comparison.count(.equal) == 71)
  }

  @Test("prefill and decode are compared on the same tokens every time, within the vocabulary and the context")
  func probe() throws {
    let model = try ModelDirectory(Fixtures.model).configuration
    let probe = Verification.probe(model)
    #expect(probe == Verification.probe(model))
    #expect(probe.count == 96 && Set(probe).count > 80)
    #expect(probe.allSatisfy { (0..<4096).contains($0) })
  }
}
