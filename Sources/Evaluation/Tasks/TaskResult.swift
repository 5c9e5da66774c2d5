import HybridizeCore

/// How a model did on one prompt.
public struct PromptScore: Sendable, Equatable {
  public let answers: Int
  /// Answers of which each token was the most likely one, given the true text before it.
  public let hits: Int
  public let answerTokens: Int
  /// Summed over the tokens of the answers, in nats, given the true text before each.
  public let negativeLogLikelihood: Double
  /// Answers that the model has written itself; `nil` where it was not asked to.
  public var greedyHits: Int?

  public init(
    answers: Int, hits: Int, answerTokens: Int, negativeLogLikelihood: Double, greedyHits: Int? = nil
  ) {
    self.answers = answers
    self.hits = hits
    self.answerTokens = answerTokens
    self.negativeLogLikelihood = negativeLogLikelihood
    self.greedyHits = greedyHits
  }
}

/// A share of answers, with what chance does to it.
public struct AnswerShare: Sendable, Equatable {
  public let answers: Int
  public let hits: Int
  /// Of the mean of the prompts' shares, as answers of one prompt are not independent; `nil` for a single prompt.
  public let standardError: Double?

  init(_ prompts: [(answers: Int, hits: Int)]) {
    answers = prompts.reduce(0) { $0 + $1.answers }
    hits = prompts.reduce(0) { $0 + $1.hits }
    let shares = prompts.map { Double($0.hits) / Double($0.answers) }
    standardError = shares.count > 1 ? shares.standardDeviation / Double(shares.count).squareRoot() : nil
  }

  public var value: Double { Double(hits) / Double(answers) }

  var json: JSONObject {
    [
      "hits": .integer(hits), "accuracy": .double(value),
      "accuracy_stderr": standardError.map { .double($0) } ?? .null,
    ]
  }
}

/// How a model did on the prompts of a task.
public struct TaskResult: Sendable, Equatable {
  public let name: String
  public let version: Int
  public let examples: Int
  public let sizes: TaskSizes
  public let prompts: [PromptScore]

  init(name: String, version: Int, examples: Int, sizes: TaskSizes, prompts: [PromptScore]) {
    (self.name, self.version, self.examples) = (name, version, examples)
    (self.sizes, self.prompts) = (sizes, prompts)
  }

  /// Of prompts that somebody has made in another way; scored already.
  public init(name: String, scores: [PromptScore]) {
    self.init(name: name, version: 1, examples: 0, sizes: TaskSizes(entries: []), prompts: scores)
  }

  /// By likelihood: answers of which each token is the most likely one.
  public var likelihood: AnswerShare { AnswerShare(prompts.map { ($0.answers, $0.hits) }) }

  /// By what the model writes; `nil` where it was not asked to.
  public var greedy: AnswerShare? {
    let written = prompts.compactMap { prompt in prompt.greedyHits.map { (prompt.answers, $0) } }
    return written.count == prompts.count ? AnswerShare(written) : nil
  }

  /// Mean negative log likelihood of a token of the answers, in nats.
  public var negativeLogLikelihood: Double {
    prompts.reduce(0) { $0 + $1.negativeLogLikelihood } / Double(prompts.reduce(0) { $0 + $1.answerTokens })
  }

  /// The same as recall from phone books has been reported; `nil` for other tasks.
  public var recall: RecallResult? {
    guard name == RecallGenerator.name else { return nil }
    return RecallResult(pairs: sizes["pairs"], calls: likelihood.answers, hits: likelihood.hits)
  }

  public var json: JSONObject {
    let share = likelihood
    var object: JSONObject = [
      "task": .string(name), "version": .integer(version), "sizes": .object(sizes.json),
      "examples": .integer(examples), "prompts": .integer(prompts.count), "answers": .integer(share.answers),
    ]
    for (key, value) in share.json.members { object[key] = value }
    object["nll"] = .double(negativeLogLikelihood)
    object["greedy"] = greedy.map { .object($0.json) } ?? .null
    return object
  }

  /// A table for people.
  public static func table(_ results: [TaskResult]) -> String {
    let isWritten = results.contains { $0.greedy != nil }
    var table = TextTable(
      [("task", .left), ("sizes", .left), ("answers", .right), ("likelihood", .right), ("nats a token", .right)]
        + (isWritten ? [("greedy", .right)] : []))
    for result in results {
      let share = result.likelihood
      let cells = [
        result.name, result.sizes.text, "\(share.answers)", NumberText.fixed(share.value, 3),
        NumberText.fixed(result.negativeLogLikelihood, 4),
      ]
      table.add(cells + (isWritten ? [result.greedy.map { NumberText.fixed($0.value, 3) } ?? "-"] : []))
    }
    return table.text
  }
}
