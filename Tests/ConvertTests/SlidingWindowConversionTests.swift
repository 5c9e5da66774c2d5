import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("conversion into sliding-window attention")
struct SlidingWindowConversionTests {
  let scratch = TemporaryDirectory()

  private func request(
    window: JSONValue = .integer(256), sinks: JSONValue = .integer(4), expandKeyValue: Bool = false
  ) -> ConversionRequest {
    ConversionRequest(
      source: Fixtures.model, keep: .layers([0, 6]), mixer: SlidingWindowAttentionOptions.name,
      choice: MixerChoice(
        preset: .best, expandKeyValue: expandKeyValue, options: ["window": window, "sinks": sinks]))
  }

  private func convert(_ request: ConversionRequest) throws -> ModelDirectory {
    let path = scratch.path("\(scratch.entries().count)")
    _ = try Conversion(request).write(to: path)
    return try ModelDirectory(path)
  }

  @Test("every tensor is the teacher's, bit for bit, and config.json says what windows the layers have")
  func tensors() throws {
    let hybrid = try convert(request())
    let comparison = try TensorComparison(ModelDirectory(Fixtures.model).reader, hybrid.reader)
    #expect(comparison.tensors.count == 74 && comparison.tensors.allSatisfy { $0.status == .equal })
    #expect(hybrid.configuration.keptLayers == [0, 6])
    for layer in hybrid.configuration.convertedLayers {
      let options = try #require(hybrid.configuration.mixers[layer] as? SlidingWindowAttentionOptions)
      #expect(options.window == 256 && options.sinks == 4)
    }
    let types = hybrid.configuration.source["layer_types"]?.arrayValue?.compactMap(\.stringValue) ?? []
    #expect(types.filter { $0 == "sliding_attention" }.count == 6)
    #expect([types[0], types[6]] == ["full_attention", "full_attention"])
  }

  @Test(
    "a text within the window is the teacher's, a longer one passes without being it", arguments: [(16, 4), (5, 2)])
  func verification(_ window: Int, _ sinks: Int) throws {
    let hybrid = try convert(request(window: .integer(window), sinks: .integer(sinks)))
    let backend = try CPUBackend(threads: 2)
    let ids = (0..<16).map { $0 * 37 % 4096 }
    let found = try Verification.run(
      source: ModelDirectory(Fixtures.model), converted: hybrid, backend: backend, documents: [ids], probe: ids)
    let text = try #require(found.text)
    #expect(text.largestLogitDifference.isZero == (window == 16))
    #expect(!found.isIdentical && !found.hasSameMixers)
    #expect(found.failures(largestDivergence: nil) == [])
  }

  @Test("reports and the model card speak of no gates where there are none")
  func reports() throws {
    let conversion = try Conversion(request())
    let text = conversion.text(outcome: nil)
    #expect(text.contains("6 become sliding-window-attention (1-5, 7)\nloads in: Hybridize\n"))
    #expect(text.contains("tensors: 74 copied, 0 re-laid, 0 new, 0 dropped"))
    let card = String(
      decoding: try FileSystem.read(convert(request()).path + "/README.md", limit: 1 << 20), as: UTF8.self)
    #expect(card.contains("All weights are the teacher's") && card.contains("window 256, sinks 4"))
    for word in ["gates", "linear-attention", "preset"] { #expect(!card.contains(word), "\(word) in: \(card)") }
  }

  @Test("what no window can have is an error of the arguments")
  func refused() {
    for (window, sinks) in [(.integer(0), .integer(4)), (.integer(256), .integer(-1)), (.string("256"), .integer(4))]
      as [(JSONValue, JSONValue)]
    {
      expectProblem(.badMixerOption) { try Conversion(request(window: window, sinks: sinks)) }
    }
    expectProblem(.badMixerOption) { try Conversion(request(expandKeyValue: true)) }
  }
}
