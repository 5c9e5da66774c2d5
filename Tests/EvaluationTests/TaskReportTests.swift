import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("reports of tasks")
struct TaskReportTests {
  let results: [TaskResult]

  init() throws {
    let model = try ModelDirectory(Fixtures.model).load(on: CPUBackend(threads: 2))
    let tasks = try TaskRequest(
      ["recall", "needle"], sizes: ["recall.pairs=3", "needle.length=64", "needle.depth=0.5"]
    )
    .tasks(
      prompts: 2, words: try RecallTask.readWords(Fixtures.path("text/words.json")), seed: 1,
      tokenizer: try ModelDirectory.tokenizer(at: Fixtures.model))
    results = [try tasks[0].measure(model, greedy: true), try tasks[1].measure(model)]
  }

  @Test("in JSON hold names, sizes, counts and scores")
  func json() {
    let recall = results[0].json
    #expect(
      recall.keys == [
        "task", "version", "sizes", "examples", "prompts", "answers", "hits", "accuracy", "accuracy_stderr", "nll",
        "greedy",
      ])
    #expect(recall["sizes"] == .object(["pairs": .integer(3), "calls": .integer(8)]))
    #expect(recall["answers"] == .integer(6) && recall["prompts"] == .integer(2))
    #expect(recall["nll"] == .double(results[0].negativeLogLikelihood))
    #expect(recall["greedy"]?.objectValue?.keys == ["hits", "accuracy", "accuracy_stderr"])
    #expect(results[1].json["greedy"] == .null)
    #expect(results[1].json["sizes"] == .object(["length": .integer(64), "depth": .double(0.5)]))
  }

  @Test("for people are a table, with a column for what is written where something is")
  func table() {
    let lines = TaskResult.table(results).split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("task    sizes ") && lines[0].hasSuffix("  greedy"))
    #expect(lines[1].hasPrefix("recall  pairs 3, calls 8         ") && lines[2].hasSuffix("       -"))
    #expect(!TaskResult.table([results[1]]).contains("greedy"))
  }

  @Test("in the harness's shape have every task in every part, and the scores under its names")
  func harness() throws {
    let json = HarnessResults(model: "some/model", seed: .max, results: results).json
    let names = ["hybridize_recall_pairs3_calls8", "hybridize_needle_length64_depth0.5"]
    for part in ["results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples"] {
      #expect(json[part]?.objectValue?.keys == names, "\(part)")
    }
    let recall = try #require(json["results"]?.objectValue?[names[0]]?.objectValue)
    #expect(
      recall.keys == [
        "alias", "acc,none", "acc_stderr,none", "exact_match,none", "exact_match_stderr,none", "nll,none",
        "nll_stderr,none",
      ])
    #expect(recall["alias"] == .string(names[0]))
    #expect(recall["acc,none"]?.doubleValue == results[0].likelihood.value)
    #expect(recall["acc_stderr,none"]?.doubleValue == results[0].likelihood.standardError)
    #expect(recall["exact_match,none"]?.doubleValue == results[0].greedy?.value)
    #expect(recall["nll,none"]?.doubleValue == results[0].negativeLogLikelihood)
    #expect(json["results"]?.objectValue?[names[1]]?.objectValue?["exact_match,none"] == nil)
    #expect(json["n-samples"]?.objectValue?[names[0]] == .object(["original": .integer(2), "effective": .integer(2)]))
    #expect(json["model_name"] == .string("some/model") && json["model_name_sanitized"] == .string("some_model"))
    #expect(json["config"]?.objectValue?["random_seed"] == .number("18446744073709551615"))
  }

  @Test("in the harness's shape replace a file, and are the same bytes for the same results")
  func file() throws {
    let scratch = TemporaryDirectory()
    let path = scratch.write("results.json", "old")
    let harness = HarnessResults(model: "m", seed: 1, results: results)
    try harness.write(to: path)
    let bytes = scratch.bytes("results.json")
    #expect(try JSONCursor.parse(bytes) == .object(harness.json))
    try harness.write(to: path)
    #expect(scratch.bytes("results.json") == bytes)
    expectProblem(.cannotWrite) { try harness.write(to: scratch.path("nowhere/results.json")) }
  }
}
