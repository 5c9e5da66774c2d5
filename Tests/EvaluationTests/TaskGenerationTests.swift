import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("prompts of tasks")
struct TaskGenerationTests {
  static let names = TaskRegistry.all.map { $0.name }

  let words: [String]
  let tokenizer: Tokenizer

  init() throws {
    words = try RecallTask.readWords(Fixtures.path("text/words.json"))
    tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
  }

  private func make(
    _ name: String, _ sizes: [String] = [], prompts: Int = 3, seed: UInt64 = 1, words other: [String]? = nil
  ) throws -> [EvaluationTask] {
    try TaskRequest([name], sizes: sizes.map { "\(name).\($0)" }).tasks(
      prompts: prompts, words: other ?? words, seed: seed, tokenizer: tokenizer)
  }

  /// The answers are what the text says, and so are the examples before them.
  private func check(_ task: EvaluationTask, _ comment: Comment) throws {
    for prompt in task.prompts {
      let text = try tokenizer.decode(prompt.ids)
      let questions = try TaskReading.questions(of: task.name, in: text)
      for question in questions {
        #expect(question.stated == question.right && !question.right.isEmpty, "\(comment): \(text)")
      }
      let answers = try prompt.answers.map { try tokenizer.decode(Array(prompt.ids[$0])) }
      let asked = questions.dropFirst(task.examples).flatMap(\.right)
      #expect(answers == asked.map { " " + $0 }, "\(comment): \(text)")
      #expect(questions.count > task.examples)
      #expect(text.hasSuffix("\n") && prompt.targets.count == prompt.predictors.count)
    }
  }

  @Test("answers are what an independent reader finds in the text, whatever the seed", arguments: names)
  func answers(_ name: String) throws {
    for seed in 0..<6 as Range<UInt64> {
      for task in try make(name, prompts: 4, seed: seed) { try check(task, "seed \(seed), \(task.title)") }
    }
  }

  @Test(
    "and whatever the sizes",
    arguments: [
      ("recall", ["pairs=1,7", "calls=1,9"]), ("ar", ["keys=1,12", "asked=1,20"]),
      ("needle", ["length=48,130,700", "depth=0,0.1,0.99,1"]), ("multi-hop", ["keys=8,60", "asked=1,30"]),
      ("variable-tracking", ["chains=2,9", "steps=1,6"]), ("cwe", ["common=1,7", "times=2,5", "others=2,90"]),
      ("fwe", ["words=64,65,100,333"]), ("copy", ["words=1,100"]),
    ])
  func sizes(_ name: String, _ sizes: [String]) throws {
    let tasks = try make(name, sizes, prompts: 2)
    let combinations = sizes.reduce(1) { $0 * $1.split(separator: ",").count }
    #expect(tasks.count == combinations && Set(tasks.map(\.title)).count == combinations)
    for task in tasks { try check(task, "\(task.title)") }
  }

  @Test("work with words of the tokenizer too", arguments: names)
  func tokenizerWords(_ name: String) throws {
    for task in try make(name, words: tokenizer.words) { try check(task, "\(task.title)") }
  }

  @Test("are the same for the same seed, others for another, and more of them begin with the same", arguments: names)
  func seeds(_ name: String) throws {
    let tasks = try make(name)
    #expect(try make(name) == tasks)
    #expect(try make(name, prompts: 5).map { Array($0.prompts.prefix(3)) } == tasks.map(\.prompts))
    for (one, other) in zip(tasks, try make(name, seed: 2)) {
      #expect(Set(one.prompts.map(\.ids)).isDisjoint(with: other.prompts.map(\.ids)))
      #expect(Set(one.prompts.map(\.ids)).count == 3)
    }
  }

  @Test("of recall are the phone books that it has always been measured with")
  func recall() throws {
    let tasks = try make("recall", ["pairs=4,32"], prompts: 6, seed: 11)
    for (task, pairs) in zip(tasks, [4, 32]) {
      let books = try RecallTask(pairs: pairs, prompts: 6, words: words, seed: 11, tokenizer: tokenizer)
      #expect(task.prompts == books.prompts)
    }
  }

  @Test("of needles are as long as they shall be, and hide it as deep", arguments: [64, 256, 1000])
  func needle(_ length: Int) throws {
    for task in try make("needle", ["length=\(length)", "depth=0,0.25,1"], prompts: 8) {
      for prompt in task.prompts {
        #expect((length - 4...length).contains(prompt.ids.count))
        let sentences = try tokenizer.decode(prompt.ids).split(separator: "\n")[1].split(separator: ".")
        let place = sentences.firstIndex { $0.hasPrefix(" The number of") }
        #expect(place == Int((Double(sentences.count - 1) * task.sizes.share("depth")).rounded()))
      }
    }
  }

  @Test("that there are not enough words for, or no room, are wrong arguments")
  func tooSmall() throws {
    let few = ["one", "two", "three"]
    for name in Self.names where name != "fwe" && name != "needle" {
      let failure = expectProblem(.badArgument, "\(name)") { try make(name, words: few) }
      #expect(failure?.found != nil && failure?.expected?.contains("3") == true)
      expectProblem(.badArgument, "\(name)") { try make(name, words: []) }
    }
    expectProblem(.badArgument) { try make("needle", words: ["one"]) }
    #expect(try make("needle", words: ["one", "two"]).count == 3)
    #expect(try make("fwe", words: []).count == 1)
    let failure = expectProblem(.badArgument) { try make("needle", ["length=32"]) }
    #expect(failure?.expected?.hasPrefix("needle.length: more than") == true)
    for name in Self.names { expectProblem(.badArgument) { try make(name, prompts: 0) } }
  }

  @Test("are shown in the guide, solved right", arguments: names)
  func guide(_ name: String) throws {
    let bytes = try FileSystem.read(Fixtures.root + "/docs/evaluate.md", limit: 1 << 20)
    let page = String(decoding: bytes, as: UTF8.self)
    let section = try #require(page.split(separator: "\n### `\(name)`\n").dropFirst().first)
    let example = String(section.split(separator: "```\n")[1])
    let questions = try TaskReading.questions(of: name, in: example)
    #expect(!questions.isEmpty && questions.allSatisfy { $0.stated == $0.right && !$0.right.isEmpty })
  }

  @Test("reading a prompt finds a wrong answer")
  func readingCanFail() throws {
    let book = "Phone book\none: 1234\ntwo: 5678\nCalls\ntwo: 1234\n"
    let questions = try TaskReading.questions(of: "recall", in: book)
    #expect(questions == [.init(stated: ["1234"], right: ["5678"])])
    #expect(throws: TaskReading.Unreadable.self) {
      try TaskReading.questions(of: "multi-hop", in: "Numbers, or where they are\none: two\ntwo: 1234\nNumbers\n")
    }
    let list = "List: a b a\nSeveral times: a\nList: c d d c e\nSeveral times: d c\n"
    #expect(try TaskReading.questions(of: "cwe", in: list).map(\.right) == [["a"], ["c", "d"]])
    #expect(
      try TaskReading.questions(of: "fwe", in: "Text: a\nMost frequent: a\nText: b b c\nMost frequent: b\n")[1].right
        == [])
  }
}
