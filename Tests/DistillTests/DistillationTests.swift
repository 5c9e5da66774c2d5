import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// Stages from files to files, on the fixture and few tokens.
@Suite("distillation of a checkpoint")
struct DistillationTests {
  private let scratch = TemporaryDirectory()
  /// Some documents.
  private let text: String

  init() throws {
    let lines = try FileSystem.read(Fixtures.path("text/heldout.jsonl"), limit: 1 << 24).split(separator: 10)
    text = scratch.write("text.jsonl", Array(lines.prefix(120).joined(separator: [10])))
  }

  /// A converted model.
  private func student(_ name: String = "student", keep: [Int] = [], mixersFrom: String? = nil) throws -> String {
    let path = scratch.path(name)
    _ = try Conversion(
      ConversionRequest(source: Fixtures.model, keep: .layers(keep), elementType: .float32, mixersFrom: mixersFrom)
    ).write(to: path)
    return path
  }

  private func request(
    _ stage: TrainingStage, _ student: String, to name: String, steps: Int = 3
  ) -> Distillation.Request {
    var settings = TrainingSettings(.small, stage: stage, tokens: steps * 2 * 64)
    (settings.batch, settings.length, settings.evaluationInterval) = (2, 64, 2)
    return Distillation.Request(
      teacher: Fixtures.model, student: student, out: scratch.path(name), texts: [(text, 1)], settings: settings)
  }

  @discardableResult
  private func run(_ request: Distillation.Request, threads: Int = 2) throws -> Distillation.Report {
    var request = request
    request.cache = scratch.path("tokens")
    return try Distillation(request).run(on: CPUBackend(threads: threads), progress: .silent)
  }

  private func failures(_ path: String) throws -> [String] {
    let inspection = try Inspection(path)
    let scan = try #require(try Pipeline.scan(inspection, [.statistics, .digests], threads: 2))
    return try Pipeline.failures(inspection, scan)
  }

  @Test(
    "settings that cannot be are an error before anything is read or written",
    arguments: [\TrainingSettings.batch, \.length, \.tokens, \.microBatchTokens, \.evaluationInterval])
  func badSettings(_ field: WritableKeyPath<TrainingSettings, Int> & Sendable) throws {
    var request = request(.match, try student("hybrid", keep: [0, 6]), to: "out")
    request.settings[keyPath: field] = 0
    expectProblem(.badArgument) { try Distillation(request) }
    #expect(scratch.entries() == ["hybrid", "text.jsonl"])
  }

  @Test("align, match and fine-tune each lower their loss and leave a sound model with its history")
  func stages() throws {
    let aligned = try run(request(.align, try student(), to: "aligned", steps: 6))
    #expect(aligned.layers == Array(0..<8))
    let hybrid = try student("hybrid", keep: [0, 6], mixersFrom: scratch.path("aligned"))
    let matched = try run(request(.match, hybrid, to: "matched", steps: 6))
    let tuned = try run(request(.finetune, scratch.path("matched"), to: "tuned", steps: 4))
    for report in [aligned, matched, tuned] {
      let losses = try #require(
        report.json["held_out"]?.arrayValue?.compactMap { $0.objectValue?["loss"]?.doubleValue })
      #expect(losses.count >= 3 && losses.min() == report.outcome.heldOutLoss)
      #expect(try #require(report.outcome.heldOutLoss) < losses[0], "\(report.outcome.stage)")
      #expect(try failures(report.request.out) == [])
      #expect(!FileSystem.exists(report.request.directory))
    }
    #expect(matched.layers == [])
    #expect(
      scratch.entries("tuned").filter { $0.contains("-loss.") } == [
        "finetune-loss.jsonl", "finetune-loss.svg", "match-loss.jsonl", "match-loss.svg",
      ])
    let manifest = try ModelDirectory.readJSON(scratch.path("tuned/hybridize.json")).objectValue
    let history = (manifest?["training"]?.arrayValue ?? []).compactMap { $0.objectValue }
    #expect(history.map { $0["settings"]?.objectValue?["stage"] } == [.string("match"), .string("finetune")])
    // What was not trained is the student's, byte for byte.
    let (before, after) = (try ModelDirectory(scratch.path("student")), try ModelDirectory(scratch.path("aligned")))
    for tensor in before.reader.tensors {
      let isMixer = tensor.name.contains("linear_attn")
      let same = try before.reader.tensor(named: tensor.name).hasSameContent(
        as: after.reader.tensor(named: tensor.name))
      #expect(same != isMixer, "\(tensor.name)")
    }
  }

  @Test("the same inputs give the same bytes, on any number of threads")
  func deterministic() throws {
    let student = try student()
    for (name, threads) in [("one", 1), ("three", 3)] {
      try run(request(.align, student, to: name), threads: threads)
    }
    for file in ["model.safetensors", "config.json", "hybridize.json"] {
      #expect(scratch.bytes("one/\(file)") == scratch.bytes("three/\(file)"), "\(file)")
    }
    var other = request(.align, student, to: "other")
    other.settings.seed = 1
    try run(other)
    #expect(scratch.bytes("one/model.safetensors") != scratch.bytes("other/model.safetensors"))
  }

  @Test("layers that are aligned in parts and merged are those that are aligned together, bit for bit")
  func parts() throws {
    let student = try student()
    for (name, layers) in [("all", nil), ("low", [0, 1, 2, 3]), ("high", [4, 5, 6, 7])] as [(String, [Int]?)] {
      var part = request(.align, student, to: name)
      part.layers = layers
      // What is clipped is the gradient of all together, and the best of several steps is the best for all together.
      part.settings.clip = nil
      part.settings.evaluationInterval = 100
      try run(part)
    }
    let (low, high) = (try ModelDirectory(scratch.path("low")), try ModelDirectory(scratch.path("high")))
    let merge = try LayerMerge([low.path, high.path])
    #expect(merge.sources == Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, $0 / 4) }))
    try merge.write(to: scratch.path("merged"), progress: .silent)
    #expect(try failures(scratch.path("merged")) == [])
    let merged = try ModelDirectory(scratch.path("merged"))
    let together = try ModelDirectory(scratch.path("all"))
    for tensor in together.reader.tensors {
      #expect(
        try merged.reader.tensor(named: tensor.name)
          .hasSameContent(as: together.reader.tensor(named: tensor.name)), "\(tensor.name)")
    }
    expectProblem(.alignedTwice) { try LayerMerge([low.path, low.path]) }
    expectProblem(.noAlignment) { try LayerMerge([low.path, student]) }
  }

  @Test("a mean of the teacher's top tokens, kept in a file, trains as one that is computed")
  func predictionFile() throws {
    let hybrid = try student("hybrid", keep: [0, 6])
    for (name, file) in [("computed", nil), ("written", "predictions"), ("read", "predictions")] as [(String, String?)]
    {
      var match = request(.match, hybrid, to: name, steps: 2)
      match.options.topTokens = 8
      match.predictionFile = file.map { scratch.path($0) }
      try run(match)
    }
    let expected = scratch.bytes("computed/model.safetensors")
    #expect(scratch.bytes("written/model.safetensors") == expected)
    #expect(scratch.bytes("read/model.safetensors") == expected)

    var other = request(.match, hybrid, to: "other", steps: 1)
    other.options.topTokens = 9
    other.predictionFile = scratch.path("predictions")
    expectProblem(.otherRecords) { try run(other) }
  }

  @Test(
    "models that do not fit, layers that are not converted and outputs that exist are refused before anything is read")
  func refused() throws {
    let student = try student(keep: [0])
    var request = request(.align, student, to: "out")
    request.layers = [0]
    expectProblem(.nothingToAlign) { try Distillation(request) }
    request.layers = nil
    request.student = Fixtures.model
    expectProblem(.nothingToAlign) { try Distillation(request) }
    request.student = try PicoModel().open(in: scratch).path
    expectProblem(.modelsDoNotFit) { try Distillation(request) }
    request.student = student
    _ = scratch.makeDirectory("out")
    expectProblem(.outputExists) { try Distillation(request) }
  }

  @Test("where the time goes is told on request, and adds up")
  func profile() throws {
    var request = request(.align, try student(), to: "out", steps: 1)
    request.profiles = true
    let profile = try #require(try run(request).json["profile"]?.objectValue)
    let shares = (profile["shares"]?.objectValue ?? [:]).members.compactMap { $0.value.doubleValue }
    #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
    #expect(try #require(profile["product_flops"]?.doubleValue) > 1e8)
  }
}
