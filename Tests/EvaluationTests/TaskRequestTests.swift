import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("tasks asked for by name")
struct TaskRequestTests {
  private func tasks(_ names: [String], _ sizes: [String] = []) throws -> [EvaluationTask] {
    try TaskRequest(names, sizes: sizes).tasks(
      prompts: 1, words: try RecallTask.readWords(Fixtures.path("text/words.json")), seed: 1,
      tokenizer: try ModelDirectory.tokenizer(at: Fixtures.model))
  }

  @Test("come in their order, each in every combination of its sizes")
  func combinations() throws {
    let sizes = ["needle.length=64,96", "needle.depth=0.5,1", "recall.pairs=4"]
    #expect(
      try tasks(["recall", "needle", "copy"], sizes).map(\.title) == [
        "recall, pairs 4, calls 8", "needle, length 64, depth 0.5", "needle, length 64, depth 1",
        "needle, length 96, depth 0.5", "needle, length 96, depth 1", "copy, words 32",
      ])
  }

  @Test("are all there are, for all")
  func all() throws {
    let tasks = try tasks(["all"])
    #expect(Set(tasks.map(\.name)) == Set(TaskRegistry.all.map { $0.name }))
    #expect(tasks.count == TaskRegistry.all.reduce(0) { $0 + $1.sizes.reduce(1) { $0 * $1.defaults.count } })
  }

  @Test("have names, sizes and meanings that all differ, and defaults in range")
  func registry() {
    #expect(Set(TaskRegistry.all.map { $0.name }).count == TaskRegistry.all.count)
    for task in TaskRegistry.all {
      #expect(!task.asks.isEmpty && Set(task.sizes.map(\.name)).count == task.sizes.count)
      for size in task.sizes {
        #expect(!size.meaning.isEmpty && !size.defaults.isEmpty && size.defaults.allSatisfy(size.range.contains))
      }
    }
  }

  @Test(
    "that are not there, or have no such size, are wrong arguments that say what there is",
    arguments: [
      (["needle", "haystack"], [], "haystack"), ([""], [], ""), (["copy", "copy"], [], "copy twice"),
      (["all", "copy"], [], "all"), (["copy"], ["needle.length=64"], "needle.length=64"),
      (["copy"], ["copy.length=64"], "copy.length=64"), (["copy"], ["words=3"], "words=3"),
      (["copy"], ["copy.words"], "copy.words"), (["copy"], ["copy.words="], ""), (["copy"], ["copy.words=0"], "0"),
      (["copy"], ["copy.words=4,x"], "4,x"), (["copy"], ["copy.words=4.5"], "4.5"),
      (["copy"], ["copy.words=4", "copy.words=5"], "copy.words twice"), (["needle"], ["needle.depth=1.5"], "1.5"),
      (["needle"], ["needle.depth=nan"], "nan"),
    ] as [([String], [String], String)])
  func wrong(_ names: [String], _ sizes: [String], _ found: String) {
    let failure = expectProblem(.badArgument) { try TaskRequest(names, sizes: sizes) }
    #expect(failure?.found == found && failure?.expected?.isEmpty == false)
  }

  @Test("say which tasks there are to one that is not")
  func known() {
    let failure = expectProblem(.badArgument) { try TaskRequest(["haystack"]) }
    for task in TaskRegistry.all { #expect(failure?.expected?.contains(task.name) == true) }
  }

  /// A task of a program that uses the library.
  private enum Backwards: TaskGenerator {
    static let name = "backwards"
    static let asks = "words in the other order"
    static let sizes: [TaskSize] = [.count("words", "words of the list", [2], in: 1...100)]

    static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
      let words = try source.words(sizes["words"])
      var writer = PromptWriter(source.tokenizer)
      try writer.add(words.joined(separator: " ") + "\n")
      try writer.ask("Backwards:", answer: words.reversed().map { " \($0)" }.joined())
      return writer.prompt
    }
  }

  @Test("may be those of another program")
  func another() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    let request = try TaskRequest(["all"], sizes: ["backwards.words=3"], among: [Backwards.self])
    let made = try request.tasks(prompts: 2, words: ["one", "two", "three"], seed: 1, tokenizer: tokenizer)
    #expect(made.map(\.title) == ["backwards, words 3"] && made[0].prompts.count == 2)
    for prompt in made[0].prompts {
      let lines = try tokenizer.decode(prompt.ids).split(separator: "\n")
      #expect(lines[1] == "Backwards: " + lines[0].split(separator: " ").reversed().joined(separator: " "))
      #expect(prompt.answers.count == 1 && prompt.answers[0].upperBound == prompt.ids.count)
    }
    expectProblem(.badArgument) { try TaskRequest(["copy"], among: [Backwards.self]) }
  }

  @Test("whose answers a tokenizer joins with what stands before them are written as they are generated")
  func joined() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    var writer = PromptWriter(tokenizer)
    try writer.add("The")
    // `lighthouse` has other tokens than `light` and `house` one by one, or at least an end that is cut where it shall be.
    try writer.ask(" light", answer: "house")
    let prompt = writer.prompt
    #expect(try tokenizer.decode(prompt.ids) == "The lighthouse")
    #expect(try tokenizer.decode(Array(prompt.ids[prompt.answers[0]])) == "house")
    expectProblem(.tokenizerUnsupported) { try writer.ask(" light", answer: "") }
  }
}
