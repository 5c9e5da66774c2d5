import HybridizeCore
import HybridizeRuntime

/// Prompts of one kind and size.
public struct EvaluationTask: Sendable, Equatable {
  public let name: String
  public let version: Int
  public let examples: Int
  public let sizes: TaskSizes
  public let prompts: [AnswerPrompt]

  /// Prompts made by chance, the same for the same words and seed; more of them begin with the same ones.
  ///
  /// - Throws: `.badArgument` for less than one prompt, and what the generator throws.
  public init(
    _ generator: any TaskGenerator.Type, _ sizes: TaskSizes, prompts count: Int, words: [String], seed: UInt64,
    tokenizer: Tokenizer
  ) throws(HybridizeError) {
    guard count > 0 else { throw HybridizeError(.badArgument, expected: "prompts: at least 1", found: "\(count)") }
    var source = PromptSource(
      words: words, tokenizer: tokenizer, random: SeededGenerator(seed: seed, stream: generator.stream(sizes)))
    var prompts: [AnswerPrompt] = []
    for _ in 0..<count { prompts.append(try generator.prompt(sizes, from: &source)) }
    (name, version, examples) = (generator.name, generator.version, generator.examples)
    (self.sizes, self.prompts) = (sizes, prompts)
  }

  /// Prompts that somebody has made in another way.
  ///
  /// - Precondition: at least one, and each has an answer.
  public init(name: String, prompts: [AnswerPrompt]) {
    precondition(!prompts.isEmpty && prompts.allSatisfy { !$0.answers.isEmpty }, "no prompts, or one without an answer")
    (self.name, self.prompts) = (name, prompts)
    (version, examples, sizes) = (1, 0, TaskSizes(entries: []))
  }

  /// `needle, length 512, depth 0.5`
  public var title: String { sizes.entries.isEmpty ? name : "\(name), \(sizes.text)" }

  /// Lets a model read the prompts, several at a time.
  ///
  /// - Parameter greedy: also let it write the answers, which takes a decode step for each of their tokens.
  /// - Throws: as `Model.forward`.
  public func measure(
    _ model: Model, greedy: Bool = false, progress: Progress = .silent
  ) throws(HybridizeError) -> TaskResult {
    var scores = try AnswerLikelihood.measure(prompts, model) { progress.report(title, done: $0, of: prompts.count) }
    if greedy {
      let hits = try GreedyAnswers.measure(prompts, model) {
        progress.report("\(title), greedy", done: $0, of: prompts.count)
      }
      for index in scores.indices { scores[index].greedyHits = hits[index] }
    }
    return TaskResult(name: name, version: version, examples: examples, sizes: sizes, prompts: scores)
  }
}
