import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import TestSupport
import Testing

@Suite("the demo's page")
struct DemoTests {
  static let sizes = Demo.Sizes(
    documents: 2, documentLength: 32, prompt: 8, generate: 2, depths: [0, 16], repetitions: 1)

  @Test("shows the stages in order, and its summary has the same numbers")
  func page() throws {
    let pipeline = Pipeline(backend: try BackendRegistry.make("cpu", threads: 2))
    let demo = Demo(model: Fixtures.model, distilled: Fixtures.hybrid, text: Fixtures.text, sizes: Self.sizes)
    var page = ""
    let summary = try demo.run(pipeline) { page += $0 }
    #expect(summary.keys == ["schema", "inspect", "convert", "verify", "generate", "bench"])

    var rest = page[...]
    for part in [
      "\n1. inspect \(Fixtures.model)\n──", "\n2. convert --keep 0,6\n──", "2 keep softmax attention (0, 6)",
      "\n3. verify", "just converted:\n  tensors: 50 bit-equal", "2 documents, 64 tokens",
      "converted and distilled:\n  tensors: 0 bit-equal", "\n4. generate", "  water:\n", "  original:  5550",
      "  distilled:  5550", "\n5. bench", " pp8 |", "tg2 @ d16",
    ] {
      let place = try #require(rest.range(of: part), "\(part) in order in: \(page)")
      rest = rest[place.upperBound...]
    }

    let verified = try #require(summary["verify"]?.objectValue)
    for stage in ["just converted", "converted and distilled"] {
      let report = try #require(verified[stage]?.objectValue)
      #expect(report["passed"] == .bool(true))
      let divergence = try #require(report["kl"]?.doubleValue)
      #expect(page.contains("KL(source || converted)   \(NumberText.fixed(divergence, 4)) nats a token"))
    }
    let results = summary["bench"]?.objectValue?["results"]?.arrayValue
    #expect(results?.count == 2 * 4)
  }

  @Test("leaves nothing behind, also when a stage fails")
  func nothingLeft() throws {
    let pipeline = Pipeline(backend: try BackendRegistry.make("cpu", threads: 1))
    let demo = Demo(model: Fixtures.model, distilled: Fixtures.path("nowhere"), text: Fixtures.text, sizes: Self.sizes)
    var shown = ""
    let failure = expectProblem(.unreadable) { try demo.run(pipeline) { shown += $0 } }
    #expect(failure?.file == Fixtures.path("nowhere"))
    let line = try #require(shown.split(separator: "\n").first { $0.hasPrefix("wrote ") })
    let path = try #require(line.split(separator: " ").dropFirst().first?.dropLast())
    #expect(!FileManager.default.fileExists(atPath: String(path)))
    #expect(!FileManager.default.fileExists(atPath: (String(path) as NSString).deletingLastPathComponent))
  }
}
