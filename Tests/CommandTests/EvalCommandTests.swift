import HybridizeCore
import TestSupport
import Testing

@Suite("eval on the command line")
struct EvalCommandTests {
  let scratch = TemporaryDirectory()

  private func eval(_ arguments: String...) async throws -> Program.Outcome {
    let words = ["--words", Fixtures.path("text/words.json")]
    let outcome = try await Program().run(["eval", Fixtures.model] + words + arguments + ["--quiet"])
    #expect(outcome.status == 0, "\(outcome.error)")
    return outcome
  }

  @Test("tasks are a table, and the fixture recalls eight pairs by both scores")
  func table() async throws {
    let outcome = try await eval(
      "--tasks", "recall,copy", "--size", "recall.pairs=8", "--size", "copy.words=4,8", "--prompts", "8", "--greedy")
    let lines = outcome.text.split(separator: "\n").map(String.init)
    let cells = lines.map { $0.split(separator: #/  +/#).map(String.init) }
    #expect(lines.count == 4 && cells[0] == ["task", "sizes", "answers", "likelihood", "nats a token", "greedy"])
    #expect(cells[1].prefix(3) == ["recall", "pairs 8, calls 8", "64"])
    let (likelihood, greedy) = (try #require(Double(cells[1][3])), try #require(Double(cells[1][5])))
    #expect(likelihood > 0.97 && greedy > 0.97)
    #expect(cells[2].prefix(3) == ["copy", "words 4", "32"] && cells[3].prefix(3) == ["copy", "words 8", "64"])
  }

  @Test("recall says the same with tasks beside it, and is the size of the task of that name")
  func recall() async throws {
    let alone = try await eval("--recall", "4,72", "--prompts", "3", "--json").json()["results"]?.objectValue
    let beside = try await eval(
      "--recall", "4,72", "--tasks", "recall,needle", "--size", "needle.length=64", "--prompts", "3", "--json"
    ).json()["results"]?.objectValue
    #expect(alone?["recall"]?.arrayValue?.count == 2 && alone?["tasks"] == .array([]))
    #expect(beside?["recall"] == alone?["recall"])
    let tasks = beside?["tasks"]?.arrayValue?.map { $0.objectValue?["task"]?.stringValue }
    #expect(tasks == ["recall", "recall", "needle", "needle", "needle"])
    #expect(beside?["tasks"]?[["1", "hits"]] == alone?["recall"]?[["1", "hits"]])
    let lines = try await eval("--recall", "4", "--tasks", "copy", "--prompts", "1").text.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("recall      ") && lines[0].hasSuffix("of 4 calls among 4 pairs"))
  }

  @Test("another seed asks something else, the same seed the same")
  func seeds() async throws {
    let arguments = ["--tasks", "needle", "--size", "needle.length=64", "--prompts", "4", "--json"]
    func run(_ seed: String) async throws -> JSONObject {
      try await Program().run(["eval", Fixtures.model, "--seed", seed, "--quiet"] + arguments).json()
    }
    let first = try await run("1")
    #expect(try await run("1") == first)
    #expect(try await run("2") != first)
  }

  @Test("results are written as lm-evaluation-harness writes them, and where that cannot be, nothing is run")
  func harness() async throws {
    let path = scratch.path("results.json")
    let report = try await eval(
      "--tasks", "ar", "--size", "ar.keys=10", "--prompts", "2", "--greedy", "--json", "--lm-eval", path
    ).json()
    let task = try #require(report["results"]?.objectValue?["tasks"]?[["0"]])
    let name = "hybridize_ar_keys10_asked8"
    let harness = try JSONCursor.parse(scratch.bytes("results.json"))
    #expect(harness[["results", name, "acc,none"]] == task[["accuracy"]])
    #expect(harness[["results", name, "exact_match,none"]] == task[["greedy", "accuracy"]])
    #expect(harness[["results", name, "alias"]] == .string(name))
    #expect(harness[["n-samples", name, "effective"]] == .integer(2))
    #expect(harness[["n-shot", name]] == .integer(0) && harness[["versions", name]] == .integer(1))
    #expect(harness[["model_name"]] == .string(Fixtures.model))
    let nowhere = try await Program().run(
      "eval", Fixtures.model, "--tasks", "all", "--lm-eval", scratch.path("no/file"))
    #expect(nowhere.status == 4 && nowhere.error.contains("no/file") && nowhere.text.isEmpty)
  }
}
