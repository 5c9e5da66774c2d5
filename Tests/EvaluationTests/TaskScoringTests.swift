import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("scores of tasks")
struct TaskScoringTests {
  let words: [String]
  let tokenizer: Tokenizer
  let backend: any Backend

  init() throws {
    words = try RecallTask.readWords(Fixtures.path("text/words.json"))
    tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    backend = try CPUBackend(threads: 2)
  }

  private func make(_ name: String, _ sizes: [String], prompts: Int) throws -> EvaluationTask {
    try TaskRequest([name], sizes: sizes.map { "\(name).\($0)" }).tasks(
      prompts: prompts, words: words, seed: 3, tokenizer: tokenizer)[0]
  }

  /// By all logits of each prompt alone, and by reading all anew for each token that is written.
  private func plainScore(_ prompt: AnswerPrompt, _ model: Model) throws -> PromptScore {
    let logits = try model.allLogits(prompt.ids)
    let width = model.configuration.vocabularySize
    var (hits, loss, greedy) = (0, 0.0, 0)
    for answer in prompt.answers {
      var isHit = true
      for place in answer {
        let row = Array(logits[(place - 1) * width..<place * width])
        let largest = row.max()!
        loss += largest + log(row.reduce(0) { $0 + exp($1 - largest) }) - row[prompt.ids[place]]
        isHit = isHit && row.firstIndex(of: largest) == prompt.ids[place]
      }
      hits += isHit ? 1 : 0
      var written = Array(prompt.ids[..<answer.lowerBound])
      while written.count < answer.upperBound {
        let row = try model.lastLogits(written, state: model.makeState(capacity: written.count))
        written.append(row.firstIndex(of: row.max()!)!)
      }
      greedy += written[answer.lowerBound...] == prompt.ids[answer] ? 1 : 0
    }
    return PromptScore(
      answers: prompt.answers.count, hits: hits, answerTokens: prompt.targets.count, negativeLogLikelihood: loss,
      greedyHits: greedy)
  }

  private func expectSame(_ found: [PromptScore], _ expected: [PromptScore]) {
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) {
      #expect(found.answers == expected.answers && found.answerTokens == expected.answerTokens)
      #expect(found.hits == expected.hits && found.greedyHits == expected.greedyHits)
      let tolerance = 1e-4 * Double(expected.answerTokens) + 1e-4 * expected.negativeLogLikelihood
      #expect(abs(found.negativeLogLikelihood - expected.negativeLogLikelihood) < tolerance)
    }
  }

  @Test(
    "are those of a plain reading, prompt by prompt", .tags(.slow),
    arguments: [Fixtures.model, Fixtures.hybrid],
    [
      ("needle", ["length=100", "depth=0.5"]), ("ar", ["keys=24", "asked=4"]), ("cwe", ["common=2", "others=6"]),
      ("variable-tracking", ["chains=2", "steps=1"]),
    ])
  func plain(_ path: String, _ task: (name: String, sizes: [String])) throws {
    let model = try ModelDirectory(path).load(on: backend)
    let task = try make(task.name, task.sizes, prompts: 3)
    let result = try task.measure(model, greedy: true)
    expectSame(result.prompts, try task.prompts.map { try plainScore($0, model) })
  }

  @Test(
    "of the fixtures on what they were trained to are near one, and both ways agree",
    arguments: [Fixtures.model, Fixtures.hybrid])
  func fixtures(_ path: String) throws {
    let model = try ModelDirectory(path).load(on: backend)
    let task = try make("recall", ["pairs=8"], prompts: 12)
    let updates = Updates()
    let result = try task.measure(model, greedy: true, progress: Progress { updates.add($0) })
    #expect(result.likelihood.answers == 96 && result.likelihood.value > 0.97 && result.negativeLogLikelihood < 0.1)
    #expect(result.prompts.allSatisfy { $0.greedyHits == $0.hits })
    #expect(updates.all.suffix(1) == [Progress.Update(task: "recall, pairs 8, calls 8, greedy", done: 12, total: 12)])
    // The same numbers as without writing, and as recall has always been reported.
    let read = try task.measure(model)
    #expect(read.greedy == nil && read.likelihood == result.likelihood)
    #expect(read.recall == (try RecallTask(pairs: 8, prompts: task.prompts).measure(model)))
  }

  /// A model with a layer of every mixer and random weights.
  private func pico() throws -> Model { try PicoModel(mixers: PicoModel.everyMixer()).load(on: backend) }

  /// A prompt whose answers are what the model itself goes on with, behind some tokens by chance each.
  private func written(by model: Model, answers: [Int], _ random: inout SeededGenerator) throws -> AnswerPrompt {
    var ids: [Int] = []
    var ranges: [Range<Int>] = []
    for count in answers {
      ids += (0..<1 + random.index(below: 40)).map { _ in random.index(below: 40) }
      ranges.append(ids.count..<ids.count + count)
      for _ in 0..<count {
        let row = try model.lastLogits(ids, state: model.makeState(capacity: ids.count))
        ids.append(row.firstIndex(of: row.max()!)!)
      }
    }
    return AnswerPrompt(ids: ids + [7], answers: ranges)
  }

  @Test("are full for answers that the model itself has written, of any number and length")
  func perfect() throws {
    let model = try pico()
    var random = SeededGenerator(seed: 5)
    // Prompts with unlike numbers of answers go together; some answers follow each other.
    let prompts = try [[3, 1, 5], [1], [2, 2], [6, 1, 1, 4]].map { try written(by: model, answers: $0, &random) }
    let result = try EvaluationTask(name: "own", prompts: prompts).measure(model, greedy: true)
    #expect(result.prompts.map(\.hits) == [3, 1, 2, 4] && result.prompts.map(\.greedyHits) == [3, 1, 2, 4])
    #expect(result.likelihood.value == 1 && result.greedy?.value == 1 && result.greedy?.standardError == 0)
    expectSame(result.prompts, try prompts.map { try plainScore($0, model) })
  }

  @Test("are nothing where the last token of each answer is another")
  func never() throws {
    let model = try pico()
    var random = SeededGenerator(seed: 6)
    let prompts = try [[3, 1], [2]].map { answers in
      let prompt = try written(by: model, answers: answers, &random)
      var ids = prompt.ids
      // From the back, so that no change alters what an earlier answer follows from.
      for answer in prompt.answers.reversed() { ids[answer.upperBound - 1] = (ids[answer.upperBound - 1] + 1) % 40 }
      return AnswerPrompt(ids: ids, answers: prompt.answers)
    }
    let scores = try EvaluationTask(name: "own", prompts: prompts).measure(model, greedy: true).prompts
    // The first answer of each prompt is surely wrong; those behind it have another text before them.
    expectSame(scores, try prompts.map { try plainScore($0, model) })
    #expect(scores[1].hits == 0 && scores[1].greedyHits == 0 && scores[0].hits < 2)
    let first = prompts.map { AnswerPrompt(ids: $0.ids, answers: [$0.answers[0]]) }
    let result = try EvaluationTask(name: "own", prompts: first).measure(model, greedy: true)
    #expect(result.likelihood.hits == 0 && result.greedy?.hits == 0 && result.likelihood.value == 0)
  }

  @Test("do not depend on which prompts go together")
  func groups() throws {
    let model = try pico()
    var random = SeededGenerator(seed: 7)
    let prompts = try (0..<40).map { number in
      var ids = (0..<150 + random.index(below: 100)).map { _ in random.index(below: 40) }
      // In every other prompt one answer is the model's own.
      let row = try model.lastLogits(Array(ids[..<5]), state: model.makeState(capacity: 5))
      if number % 2 == 0 { ids[5] = row.firstIndex(of: row.max()!)! }
      return AnswerPrompt(ids: ids, answers: [3..<5, 5..<6, 100..<101, 140..<142])
    }
    // More tokens than go together.
    let task = EvaluationTask(name: "chance", prompts: prompts)
    let together = try task.measure(model, greedy: true).prompts
    let alone = try prompts.flatMap {
      try EvaluationTask(name: "one", prompts: [$0]).measure(model, greedy: true).prompts
    }
    expectSame(together, alone)
    #expect((20..<60).contains(together.reduce(0) { $0 + $1.hits }))
  }

  @Test("have the error of the prompts' shares, and likelihood of a token on the mean")
  func statistics() {
    let scores = [
      PromptScore(answers: 4, hits: 4, answerTokens: 10, negativeLogLikelihood: 5, greedyHits: 3),
      PromptScore(answers: 4, hits: 1, answerTokens: 30, negativeLogLikelihood: 15, greedyHits: 1),
    ]
    let result = TaskResult(name: "made", scores: scores)
    #expect(result.likelihood.hits == 5 && result.likelihood.answers == 8 && result.likelihood.value == 0.625)
    // Shares 1 and 1/4: deviation sqrt(2 * 0.375^2), over sqrt 2.
    #expect(abs(result.likelihood.standardError! - 0.375) < 1e-12)
    #expect(result.greedy?.hits == 4 && result.negativeLogLikelihood == 0.5 && result.recall == nil)
    let one = TaskResult(name: "made", scores: [scores[0]])
    #expect(one.likelihood.standardError == nil && one.json["accuracy_stderr"] == .null)
    let partly = TaskResult(
      name: "made", scores: [scores[0], PromptScore(answers: 1, hits: 1, answerTokens: 1, negativeLogLikelihood: 0)])
    #expect(partly.greedy == nil && partly.json["greedy"] == .null)
  }

  @Test("that somebody asks for without prompts or answers are a mistake of the program")
  func noPrompts() async {
    await #expect(processExitsWith: .failure) { _ = EvaluationTask(name: "none", prompts: []) }
    await #expect(processExitsWith: .failure) {
      _ = EvaluationTask(name: "none", prompts: [AnswerPrompt(ids: [1], answers: [])])
    }
  }
}
