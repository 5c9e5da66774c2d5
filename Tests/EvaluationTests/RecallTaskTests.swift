import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("recall from phone books")
struct RecallTaskTests {
  let scratch = TemporaryDirectory()
  let words: [String]
  let tokenizer: Tokenizer

  init() throws {
    words = try RecallTask.readWords(Fixtures.path("text/words.json"))
    tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
  }

  private func make(
    pairs: Int, prompts: Int, calls: Int = 8, seed: UInt64 = 1, words other: [String]? = nil
  ) throws -> RecallTask {
    try RecallTask(
      pairs: pairs, prompts: prompts, calls: calls, words: other ?? words, seed: seed, tokenizer: tokenizer)
  }

  /// From an independent implementation of the generator, and the package `tokenizers`.
  @Test("prompts are those of the protocol, token by token")
  func golden() throws {
    let task = try make(pairs: 4, prompts: 2, calls: 3, seed: 11)
    #expect(
      task.prompts == [
        AnswerPrompt(
          ids: [
            48, 72, 478, 765, 199, 3648, 2038, 26, 221, 25, 25, 25, 18, 199, 400, 280, 923, 26, 221, 25, 25, 20, 18,
            199, 570, 446, 26, 221, 17, 23, 18, 22, 199, 80, 3724, 26, 221, 20, 22, 23, 20, 199, 35, 3613, 199, 3648,
            2038, 26, 221, 25, 25, 25, 18, 199, 400, 280, 923, 26, 221, 25, 25, 20, 18, 199, 80, 3724, 26, 221, 20, 22,
            23, 20, 199,
          ], answers: [48..<53, 58..<63, 67..<72]),
        AnswerPrompt(
          ids: [
            48, 72, 478, 765, 199, 77, 854, 475, 26, 221, 24, 18, 24, 21, 199, 68, 2485, 26, 221, 25, 18, 22, 25, 199,
            2419, 417, 26, 221, 21, 22, 17, 23, 199, 685, 282, 83, 26, 221, 23, 17, 20, 17, 199, 35, 3613, 199, 68,
            2485, 26, 221, 25, 18, 22, 25, 199, 685, 282, 83, 26, 221, 23, 17, 20, 17, 199, 77, 854, 475, 26, 221, 24,
            18, 24, 21, 199,
          ], answers: [49..<54, 59..<64, 69..<74]),
      ])
    #expect(
      try tokenizer.decode(task.prompts[0].ids) == """
        Phone book
        interpret: 9992
        thought: 9942
        activ: 1726
        prior: 4674
        Calls
        interpret: 9992
        thought: 9942
        prior: 4674

        """)
  }

  @Test("books have different words and numbers of four digits, calls different entries", arguments: [1, 3, 8, 64])
  func structure(_ pairs: Int) throws {
    let task = try make(pairs: pairs, prompts: 20)
    #expect(task.prompts.count == 20 && Set(task.prompts.map(\.ids)).count == 20)
    for prompt in task.prompts {
      let lines = try tokenizer.decode(prompt.ids).split(separator: "\n").map(String.init)
      let calls = lines.suffix(min(pairs, 8))
      #expect(lines.count == 2 + pairs + calls.count && lines[0] == "Phone book" && lines[pairs + 1] == "Calls")
      let book = lines[1...pairs]
      #expect(Set(book.compactMap { $0.split(separator: ":").first }).count == pairs)
      #expect(Set(calls).count == calls.count && Set(calls).isSubset(of: Set(book)))
      #expect(prompt.answers.count == calls.count)
      for (answer, call) in zip(prompt.answers, calls) {
        let text = try tokenizer.decode(Array(prompt.ids[answer]))
        #expect(call.hasSuffix(":" + text) && (1000...9999).contains(Int(text.dropFirst()) ?? 0))
      }
      #expect(prompt.predictors == prompt.answers.flatMap { $0.map { $0 - 1 } })
    }
  }

  @Test("seeds and sizes give other books, the same seed the same, more prompts the same first ones")
  func seeds() throws {
    let task = try make(pairs: 6, prompts: 5)
    #expect(try make(pairs: 6, prompts: 9).prompts.prefix(5) == task.prompts[...])
    #expect(try make(pairs: 6, prompts: 5, seed: 2).prompts.allSatisfy { !task.prompts.contains($0) })
  }

  @Test("more pairs than words, and none of anything, are wrong arguments")
  func arguments() throws {
    #expect(try make(pairs: 3, prompts: 1, words: ["a", "b", "c"]).prompts.count == 1)
    expectProblem(.badArgument) { try make(pairs: 4, prompts: 1, words: ["a", "b", "c"]) }
    expectProblem(.badArgument) { try make(pairs: 0, prompts: 1) }
    expectProblem(.badArgument) { try make(pairs: 1, prompts: 0) }
    expectProblem(.badArgument) { try make(pairs: 1, prompts: 1, calls: 0) }
  }

  @Test("a list of words is an array of strings that all differ")
  func wordLists() throws {
    #expect(words.count == 919)
    // Equal to the eye, other bytes: two words for a tokenizer.
    let path = scratch.write("words.json", "[\"e\u{301}\", \"\u{e9}\"]")
    #expect(try RecallTask.readWords(path).count == 2)
    for text in [#"["a", "b", "a"]"#, #"["a", 1]"#, #"{"a": "b"}"#, "\"a\""] {
      let failure = expectProblem(.wrongField) { try RecallTask.readWords(scratch.write("words.json", text)) }
      #expect(failure?.file == path)
    }
  }

  /// A model hits a call if at each place before a token of the answer that token has the largest logit.
  private func expected(_ model: Model, _ task: RecallTask) throws -> Int {
    var hits = 0
    for prompt in task.prompts {
      let logits = try model.allLogits(prompt.ids)
      let width = model.configuration.vocabularySize
      hits += prompt.answers.count { answer in
        answer.allSatisfy { place in
          let row = logits[(place - 1) * width..<place * width]
          return row.firstIndex(of: row.max()!) == row.startIndex + prompt.ids[place]
        }
      }
    }
    return hits
  }

  @Test("counts the calls that all logits of each prompt alone tell", arguments: [Fixtures.model, Fixtures.hybrid])
  func hits(_ path: String) throws {
    let model = try ModelDirectory(path).load(on: CPUBackend(threads: 2))
    // More entries than the models were made for, so that they miss some; more tokens than go together.
    let task = try make(pairs: 72, prompts: 4)
    let result = try task.measure(model)
    #expect(result.pairs == 72 && result.calls == 32)
    #expect((1..<32).contains(result.hits))
    #expect(result.hits == (try expected(model, task)))
  }

  @Test("the fixtures recall what they were trained to", arguments: [Fixtures.model, Fixtures.hybrid])
  func fixtures(_ path: String) throws {
    let model = try ModelDirectory(path).load(on: CPUBackend(threads: 2))
    let task = try make(pairs: 32, prompts: 12)
    let updates = Updates()
    let result = try task.measure(model, progress: Progress { updates.add($0) })
    #expect(result.calls == 96 && result.share > 0.98)
    #expect(updates.all.last == Progress.Update(task: "recall of 32 pairs", done: 12, total: 12))
    #expect(result.json["recall"]?.doubleValue == result.share && result.json["pairs"] == .integer(32))
  }

  @Test("a prompt that is changed where its answers are has no hits there")
  func wrongAnswers() throws {
    let model = try ModelDirectory(Fixtures.model).load(on: CPUBackend(threads: 2))
    let task = try make(pairs: 8, prompts: 6)
    let changed = task.prompts.map { prompt in
      var ids = prompt.ids
      // The last digit of the first call, which nothing behind it depends on but the next calls.
      let place = prompt.answers[0].upperBound - 1
      ids[place] = ids[place] == 20 ? 21 : 20
      return AnswerPrompt(ids: ids, answers: [prompt.answers[0]])
    }
    #expect(try RecallTask(pairs: 8, prompts: changed).measure(model).hits == 0)
    let first = task.prompts.map { AnswerPrompt(ids: $0.ids, answers: [$0.answers[0]]) }
    #expect(try RecallTask(pairs: 8, prompts: first).measure(model).hits == 6)
  }

  @Test("an answer that lies outside the prompt is a mistake of the program")
  func badAnswers() async {
    await #expect(processExitsWith: .failure) { _ = AnswerPrompt(ids: [1, 2], answers: [1..<3]) }
    await #expect(processExitsWith: .failure) { _ = AnswerPrompt(ids: [1, 2], answers: [0..<1]) }
    await #expect(processExitsWith: .failure) { _ = AnswerPrompt(ids: [1, 2, 3], answers: [2..<3, 1..<2]) }
  }
}
