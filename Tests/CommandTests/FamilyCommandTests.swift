import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// A model of each family with a tokenizer of its kind, from the first command to the last. One at a time, as `bench` measures the
/// machine with more than a gigabyte.
@Suite("models of every family on the command line", .serialized)
struct FamilyCommandTests {
  struct Family: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let architecture: Architecture
    let tokenizer: String
    /// What the tokenizer puts in front of a text.
    let before: [Int]
    var fields: JSONObject = [:]
  }

  static let families = [
    Family(testDescription: "Qwen 2.5", architecture: .qwen2, tokenizer: "qwen2", before: []),
    Family(testDescription: "Qwen 3", architecture: .qwen3, tokenizer: "qwen3.5", before: []),
    Family(testDescription: "Llama 2", architecture: .llama, tokenizer: "llama2-normalizer", before: [1]),
    Family(
      testDescription: "Llama 3", architecture: .llama, tokenizer: "llama3", before: [0],
      fields: [
        "rope_scaling": .object([
          "rope_type": .string("llama3"), "factor": .double(8), "low_freq_factor": .double(1),
          "high_freq_factor": .double(4), "original_max_position_embeddings": .integer(256),
        ])
      ]),
    Family(
      testDescription: "Mistral", architecture: .mistral, tokenizer: "llama2-metaspace", before: [1],
      fields: ["sliding_window": .integer(24)]),
  ]

  private func run(_ arguments: String...) async throws -> JSONObject {
    let outcome = try await Program().run(arguments + ["--json", "--quiet"])
    #expect(outcome.status == 0, "\(arguments.joined(separator: " ")): \(outcome.error)")
    return try outcome.json()
  }

  @Test(
    "inspect, tokenize, logits, generate, select, convert, verify, distill, eval and bench run", arguments: families)
  func wholeWay(_ family: Family) async throws {
    let (directory, scratch) = (TemporaryDirectory(), TemporaryDirectory())
    let model = directory.path
    var fields = family.fields
    fields["vocab_size"] = .integer(1024)
    try PicoModel(family.architecture, layers: 3, fields: fields).write(to: directory)
    let tokenizer = try FileSystem.read(Fixtures.path("tokenizers/\(family.tokenizer).tokenizer.json"), limit: 1 << 20)
    directory.write("tokenizer.json", tokenizer)
    let text = ["--text", Fixtures.text, "--length", "48"]

    let layers = try await run("inspect", model)["layers"]?.arrayValue ?? []
    #expect(layers.count == 3)
    let ids = try await run("tokenize", model, "--prompt", "Hello world")["ids"]?.arrayValue?.compactMap(\.integerValue)
    let bare = try await run("tokenize", model, "--prompt", "Hello world", "--no-special-tokens")["ids"]?.arrayValue?
      .compactMap(\.integerValue)
    #expect(try ids == family.before + #require(bare))
    // A prompt is fed with what stands before it, unless that is left out.
    let logits = try await run("logits", model, "--prompt", "Hello world", "--out", scratch.path("logits.safetensors"))
    #expect(logits["shape"]?.arrayValue?.first?.integerValue == ids?.count)
    let given = try #require(ids).map(String.init).joined(separator: ",")
    _ = try await run("logits", model, "--ids", given, "--out", scratch.path("ids.safetensors"))
    #expect(scratch.bytes("logits.safetensors") == scratch.bytes("ids.safetensors"))
    _ = try await run("generate", model, "--prompt", "The old", "--tokens", "4")

    let ranked = try await run(
      ["select", model, "--keep", "1", "--sequences", "2", "--prompts", "1", "--pairs", "2"] + text)
    #expect(ranked["method"] != nil || ranked["layers"] != nil || ranked["keep"] != nil)
    _ = try await run("convert", model, scratch.path("hybrid"), "--keep", "1")
    let verified = try await run(["verify", model, scratch.path("hybrid"), "--documents", "2"] + text)
    #expect(verified["passed"]?.boolValue != false)
    let training = ["--tokens", "960", "--batch", "2"] + text
    _ = try await run(
      ["distill", model, scratch.path("hybrid"), scratch.path("aligned"), "--stage", "align"] + training)
    _ = try await run(
      ["distill", model, scratch.path("aligned"), scratch.path("matched"), "--stage", "match"] + training)
    let judged = try await run(
      [
        "eval", scratch.path("matched"), "--teacher", model, "--documents", "2", "--recall", "2", "--words",
        Fixtures.path("text/words.json"),
      ] + text)
    #expect(judged["schema"]?.stringValue?.hasPrefix("hybridize.eval") == true)
    _ = try await run(
      "bench", model, scratch.path("matched"), "--depth", "0,32", "--generate", "2", "--repetitions", "1")
  }

  private func run(_ arguments: [String]) async throws -> JSONObject {
    let outcome = try await Program().run(arguments + ["--json", "--quiet"])
    #expect(outcome.status == 0, "\(arguments.joined(separator: " ")): \(outcome.error)")
    return try outcome.json()
  }

  @Test("perplexity of documents that begin with a token of their own is that of ids with it")
  func documents() async throws {
    let directory = TemporaryDirectory()
    let model = directory.path
    try PicoModel(.llama, layers: 1, fields: ["vocab_size": .integer(1024)]).write(to: directory)
    directory.write(
      "tokenizer.json",
      try FileSystem.read(Fixtures.path("tokenizers/llama3.tokenizer.json"), limit: 1 << 20))
    let text = ["--teacher", model, "--text", Fixtures.text, "--documents", "4", "--length", "32"]
    func perplexity(_ options: String...) async throws -> Double {
      let judged = try await run(["eval", model] + text + options)
      return try #require(judged["results"]?.objectValue?["text"]?.objectValue?["ppl"]?.doubleValue)
    }
    // The same documents without a tokenizer: their ids, with the token in front, cut to 32.
    let tokenizer = try ModelDirectory(model).tokenizer()
    let loaded = try ModelDirectory(model).load(on: ReferenceBackend())
    for (special, options) in [(Tokenizer.SpecialTokens.all, []), (.none, ["--no-special-tokens"])] {
      var (sum, count) = (0.0, 0)
      for line in try FileSystem.read(Fixtures.text, limit: 1 << 24).split(separator: 0x0A) where count < 4 * 31 {
        let document = try #require(try JSONCursor.parse(Array(line)).objectValue?["text"]?.stringValue)
        let ids = Array(try tokenizer.encode(document, special: special).prefix(32))
        guard ids.count == 32 else { continue }
        for (row, next) in zip(try logits(ids, loaded), ids.dropFirst()) {
          let likelihoods = row.map { exp($0) }
          sum += log(likelihoods.reduce(0, +)) - row[next]
          count += 1
        }
      }
      let found = try await options.isEmpty ? perplexity() : perplexity("--no-special-tokens")
      #expect(abs(found / exp(sum / Double(count)) - 1) < 1e-4, "\(options)")
    }
  }

  /// Logits behind each of the tokens.
  private func logits(_ ids: [Int], _ model: Model) throws -> [[Double]] {
    var rows: [[Double]] = []
    let state = model.makeState(capacity: ids.count)
    try model.forward([SequenceInput(ids, state: state)], rows: .all) { _, logits in
      let values = model.backend.read(logits)
      for start in stride(from: 0, to: values.count, by: values.count / logits.rows) {
        rows.append(Array(values[start..<start + values.count / logits.rows]))
      }
    }
    return rows
  }

  @Test("a directory with SentencePiece's model alone is read")
  func sentencePieces() async throws {
    let directory = TemporaryDirectory()
    let model = directory.path
    try PicoModel(.mistral, layers: 1, fields: ["vocab_size": .integer(1024)]).write(to: directory)
    directory.write("tokenizer.model", try FileSystem.read(Fixtures.path("tokenizers/pairs.model"), limit: 1 << 20))
    let ids = try await run("tokenize", model, "--prompt", "Phone book")["ids"]?.arrayValue?.compactMap(\.integerValue)
    #expect(ids?.first == 1)
    directory.write("tokenizer_config.json", Array(#"{"add_bos_token": false, "eos_token": "</s>"}"#.utf8))
    let bare = try await run("tokenize", model, "--prompt", "Phone book")["ids"]?.arrayValue?.compactMap(\.integerValue)
    #expect(try #require(ids).dropFirst().elementsEqual(#require(bare)))
    _ = try await run("generate", model, "--prompt", "Phone book", "--tokens", "3")
  }
}
