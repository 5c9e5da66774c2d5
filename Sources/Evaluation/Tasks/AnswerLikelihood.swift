import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// How likely a model holds the answers of prompts, given the true text before each of their tokens.
enum AnswerLikelihood {
  /// Tokens of the prompts that go through the model together: some blocks of a prefill, so that most are full.
  private static let tokensTogether = 8 * Model.prefillBlock

  /// - Parameter report: called with the prompts that are done.
  /// - Throws: as `Model.forward`.
  static func measure(
    _ prompts: [AnswerPrompt], _ model: Model, report: (Int) -> Void
  ) throws(HybridizeError) -> [PromptScore] {
    var scores: [PromptScore] = []
    while scores.count < prompts.count {
      scores += try score(group(prompts[scores.count...]), model)
      report(scores.count)
    }
    return scores
  }

  /// As many of the first prompts as go together, at least one.
  static func group(_ prompts: ArraySlice<AnswerPrompt>) -> [AnswerPrompt] {
    var tokens = 0
    return Array(
      prompts.prefix { prompt in
        defer { tokens += prompt.ids.count }
        return tokens == 0 || tokens + prompt.ids.count <= tokensTogether
      })
  }

  private static func score(_ prompts: [AnswerPrompt], _ model: Model) throws(HybridizeError) -> [PromptScore] {
    var found = prompts.map { _ in [Int]() }
    var losses = prompts.map { _ in 0.0 }
    let targets = prompts.map(\.targets)
    let batch = prompts.map { SequenceInput($0.ids, state: model.makeState(capacity: $0.ids.count)) }
    try model.forward(batch, rows: .at(prompts.map(\.predictors))) { prompt, logits in
      let normalisers = model.backend.makeTensor(rows: logits.rows, columns: 1)
      model.backend.logSumExp(logits, into: normalisers)
      let values = model.backend.readFloats(logits)
      for (row, normaliser) in model.backend.read(normalisers).enumerated() {
        let target = targets[prompt][found[prompt].count + row]
        losses[prompt] += normaliser - Double(values[row * logits.columns + target])
      }
      found[prompt] += values.mostLikely(of: logits.columns)
    }
    return prompts.indices.map { index in
      PromptScore(
        answers: prompts[index].answers.count, hits: hits(prompts[index], found[index]),
        answerTokens: targets[index].count, negativeLogLikelihood: losses[index])
    }
  }

  /// Answers all of whose tokens are the most likely ones.
  private static func hits(_ prompt: AnswerPrompt, _ found: [Int]) -> Int {
    var rest = found[...]
    return prompt.answers.count { answer in
      defer { rest = rest.dropFirst(answer.count) }
      return rest.starts(with: prompt.ids[answer])
    }
  }
}
