import HybridizeCore
import TestSupport
import Testing

@Suite("verify on the command line")
struct VerifyCommandTests {
  /// Accepted values: what independent code finds for the fixtures, with room for rounding.
  @Test("the distilled fixture is as far from its source as it was measured elsewhere", .tags(.slow))
  func distilled() async throws {
    let outcome = try await Program().run(
      "verify", Fixtures.model, Fixtures.hybrid, "--text", Fixtures.text, "--max-kl", "0.115", "--json", "--quiet")
    #expect(outcome.status == 0, "\(outcome.error)")
    let report = try outcome.json()
    func number(_ key: String) throws -> Double { try #require(report[key]?.doubleValue, "\(key)") }
    #expect(report["documents"]?.integerValue == 96)
    #expect(report["tokens"]?.integerValue == 96 * 256)
    #expect((0.105...0.115).contains(try number("kl")))
    #expect(abs(try number("ppl_source") - 9.42) <= 0.05)
    #expect((9.2...9.6).contains(try number("ppl")))
    #expect((0.82...0.85).contains(try number("top1")))
    #expect(try number("prefill_decode_max_abs") < 1e-4)
    #expect(report["identical"] == .bool(false))
    #expect(report["tensors_added"]?.integerValue == 6 * 10)
    #expect(report["tensors_removed"]?.integerValue == 6 * 4)
  }

  @Test("a model against itself is identical, with and without a text", arguments: [Fixtures.model, Fixtures.hybrid])
  func itself(_ model: String) async throws {
    for text in [[], ["--text", Fixtures.text, "--documents", "1", "--length", "32"]] {
      let report = try await Program().run(["verify", model, model, "--json", "--quiet"] + text).json()
      #expect(report["passed"] == .bool(true))
      #expect(report["identical"] == .bool(true))
      #expect(report["max_logit_difference"]?.doubleValue == (text.isEmpty ? nil : 0))
    }
  }

  @Test("weights that are no numbers fail, also without a text")
  func notANumber() async throws {
    let scratch = TemporaryDirectory()
    let model = ModelCopy(in: scratch)
    try model.rewriteWeights { tensors in
      for index in tensors.indices where tensors[index].name == "model.layers.2.self_attn.q_proj.weight" {
        tensors[index].bytes.replaceSubrange(0..<2, with: [0xFF, 0x7F])
      }
    }
    let outcome = try await Program().run("verify", Fixtures.model, model.path, "--json", "--quiet")
    #expect(outcome.status == 1)
    let report = try outcome.json()
    #expect(report["passed"] == .bool(false))
    #expect(report["prefill_decode_max_abs"] == .null)
    #expect(report["failures"]?.arrayValue?.first?.stringValue?.contains("layer 2") == true)
  }

  @Test("what it says to a person holds the same numbers")
  func text() async throws {
    let arguments = [
      "verify", Fixtures.model, Fixtures.hybrid, "--text", Fixtures.text, "--documents", "2", "--length", "32",
      "--quiet",
    ]
    let text = try await Program().run(arguments).text
    let report = try await Program().run(arguments + ["--json"]).json()
    let kl = NumberText.fixed(try #require(report["kl"]?.doubleValue), 4)
    let top1 = NumberText.fixed(100 * (try #require(report["top1"]?.doubleValue)), 2)
    for part in ["0 bit-equal, 50 changed, 60 added, 24 removed", "2 documents, 64 tokens", kl, top1 + " %", "passed"] {
      #expect(text.contains(part), "\(part) in: \(text)")
    }
  }
}
