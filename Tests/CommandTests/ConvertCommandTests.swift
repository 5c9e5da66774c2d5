import Foundation
import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("convert on the command line")
struct ConvertCommandTests {
  let scratch = TemporaryDirectory()

  /// Options of a conversion, and what they must give.
  struct Case: CustomTestStringConvertible, Sendable {
    let options: [String]
    let kept: [Int]
    var mixerName = "gated-deltanet"
    /// The mixer's entry of every converted layer, as far as it matters.
    var mixer: JSONObject = [:]

    var testDescription: String { options.map { $0.split(separator: "/").last ?? "" }.joined(separator: " ") }
  }

  static let cases = [
    Case(options: ["--keep", "none"], kept: []),
    Case(options: ["--keep", "all"], kept: Array(0..<8)),
    Case(
      options: ["--keep", "0,6"], kept: [0, 6],
      mixer: ["rotary": .bool(true), "convolution": .integer(4), "keyValueHeads": .integer(2)]),
    Case(options: ["--keep", "0-2,7"], kept: [0, 1, 2, 7]),
    Case(options: ["--ratio", "0.25"], kept: [0, 4]),
    Case(options: ["--ratio", "0"], kept: []),
    Case(options: ["--ratio", "1"], kept: Array(0..<8)),
    Case(
      options: ["--keep", "0,6", "--mixers-from", Fixtures.hybrid], kept: [0, 6],
      mixer: ["rotary": .bool(true), "convolution": .integer(0), "keyValueHeads": .integer(2)]),
    Case(
      options: ["--keep", "3", "--preset", "portable"], kept: [3],
      mixer: ["rotary": .bool(false), "convolution": .integer(4), "keyValueHeads": .integer(4)]),
    Case(
      options: ["--keep", "3", "--preset", "paper"], kept: [3],
      mixer: ["rotary": .bool(false), "convolution": .integer(0), "keyValueHeads": .integer(2)]),
    Case(
      options: ["--keep", "3", "--expand-key-value"], kept: [3], mixer: ["keyValueHeads": .integer(4)]),
    Case(
      options: ["--keep", "0,6", "--mixer", "gated-linear-attention"], kept: [0, 6],
      mixerName: "gated-linear-attention", mixer: ["rotary": .bool(true), "decayRank": .integer(16)]),
    Case(
      options: ["--keep", "none", "--mixer", "gated-linear-attention", "--preset", "portable"], kept: [],
      mixerName: "gated-linear-attention", mixer: ["convolution": .integer(0), "keyValueHeads": .integer(4)]),
    Case(
      options: ["--keep", "0,6", "--mixer", "kimi-delta-attention", "--gates", "paper"], kept: [0, 6],
      mixerName: "kimi-delta-attention", mixer: ["decayRank": .integer(64), "decayBound": .null]),
    Case(
      options: ["--keep", "none", "--mixer", "kimi-delta-attention", "--option", "decayBound=-5"], kept: [],
      mixerName: "kimi-delta-attention", mixer: ["rotary": .bool(true), "convolution": .integer(4)]),
    Case(
      options: [
        "--keep", "0,6", "--mixer", "sliding-window-attention", "--option", "window=256", "--option", "sinks=4",
      ], kept: [0, 6], mixerName: "sliding-window-attention", mixer: ["window": .integer(256), "sinks": .integer(4)]),
    // Less than the text that both are compared on.
    Case(
      options: ["--keep", "none", "--mixer", "sliding-window-attention", "--option", "window=6"], kept: [],
      mixerName: "sliding-window-attention", mixer: ["window": .integer(6), "sinks": .integer(4)]),
  ]

  private func succeed(_ arguments: [String]) async throws -> JSONObject {
    let outcome = try await Program().run(arguments + ["--json", "--quiet"])
    #expect(outcome.status == 0, "\(arguments): \(outcome.error)")
    return try outcome.json()
  }

  // One at a time: each measures the machine, which takes more than a gigabyte.
  @Test("what is asked for is planned, written, and works in every command", .serialized, arguments: cases)
  func reload(_ conversion: Case) async throws {
    let out = scratch.path("out")
    let report = try await succeed(["convert", Fixtures.model, out] + conversion.options)
    let kept = JSONValue.array(conversion.kept.map { .integer($0) })
    #expect(report["kept"] == kept)
    for layer in report["plan"]?.arrayValue ?? [] {
      let entry = try #require(layer.objectValue)
      let index = try #require(entry["layer"]?.integerValue)
      let isKept = conversion.kept.contains(index)
      #expect(entry["action"]?.stringValue == (isKept ? "keep" : "convert"))
      #expect(entry["mixer"]?.stringValue == (isKept ? "softmax-attention" : conversion.mixerName))
      if !isKept {
        for (key, value) in conversion.mixer.members { #expect(entry[key] == value, "layer \(index) \(key)") }
      }
    }
    let written = (report["written"]?.arrayValue ?? []).compactMap { $0.objectValue?["file"]?.stringValue }
    #expect(written.sorted() == scratch.entries("out"))

    let inspection = try await succeed(["inspect", out])
    #expect(inspection["architecture"]?.objectValue?["kept"] == kept)
    let logits = try await succeed(["logits", out, "--ids", "0,17,300", "--out", scratch.path("logits")])
    #expect(logits["shape"] == .array([.integer(3), .integer(4096)]))
    let text = try await succeed(["generate", out, "--prompt", "One day", "--tokens", "3"])
    #expect(text["tokens"]?.arrayValue?.count == 3)
    let verification = try await succeed([
      "verify", Fixtures.model, out, "--text", Fixtures.text, "--documents", "1", "--length", "16",
    ])
    #expect(verification["passed"] == .bool(true))
    #expect(verification["identical"] == .bool(conversion.kept.count == 8))
    let benchmark = try await succeed(["bench", out, "--prompt", "4", "--generate", "2", "--repetitions", "1"])
    #expect(benchmark["results"]?.arrayValue?.count == 2)
  }

  @Test("a dry run tells the same plan and writes nothing", arguments: cases)
  func dryRun(_ conversion: Case) async throws {
    let arguments = ["convert", Fixtures.model, scratch.path("out")] + conversion.options
    let dry = try await succeed(arguments + ["--dry-run"])
    #expect(scratch.entries() == [])
    let wet = try await succeed(arguments)
    for key in ["plan", "kept", "converted", "tensors", "dropped", "preset"] { #expect(dry[key] == wet[key], "\(key)") }
    #expect(dry["dry_run"] == .bool(true) && wet["dry_run"] == .bool(false))
  }

  @Test("the same inputs give the same bytes in every file")
  func sameBytes() async throws {
    for name in ["first", "second"] {
      _ = try await succeed(["convert", Fixtures.model, scratch.path(name), "--keep", "0,6", "--seed", "5"])
    }
    let names = scratch.entries("first")
    #expect(names == scratch.entries("second"))
    #expect(names.contains("model.safetensors") && names.contains("hybridize.json"))
    for name in names { #expect(scratch.bytes("first/\(name)") == scratch.bytes("second/\(name)"), "\(name)") }
    _ = try await succeed(["convert", Fixtures.model, scratch.path("third"), "--keep", "0,6", "--seed", "6"])
    #expect(scratch.bytes("first/model.safetensors") != scratch.bytes("third/model.safetensors"))
  }

  @Test("with all layers kept the weights are the source's, byte for byte, and verify finds no difference")
  func keepAll() async throws {
    let out = scratch.path("out")
    _ = try await succeed(["convert", Fixtures.model, out, "--keep", "all"])
    for name in try FileSystem.list(Fixtures.model) {
      #expect(
        try FileSystem.read("\(Fixtures.model)/\(name)", limit: 1 << 30) == scratch.bytes("out/\(name)"), "\(name)")
    }
    let verification = try await succeed([
      "verify", Fixtures.model, out, "--text", Fixtures.text, "--documents", "2", "--length", "64",
    ])
    #expect(verification["identical"] == .bool(true))
    #expect(verification["max_logit_difference"]?.doubleValue == 0)
    #expect(verification["kl"]?.doubleValue == 0)
    #expect(verification["top1"]?.doubleValue == 1)
    #expect(verification["ppl"] == verification["ppl_source"])
  }

  @Test("what it says to a person names layers, tensors and files")
  func text() async throws {
    let outcome = try await Program().run("convert", Fixtures.model, scratch.path("out"), "--keep", "0,6")
    #expect(outcome.status == 0)
    for part in ["2 keep softmax attention (0, 6)", "6 become gated-deltanet (1-5, 7)", "wrote \(scratch.path("out"))"]
    {
      #expect(outcome.text.contains(part), "\(part) in: \(outcome.text)")
    }
  }
}
