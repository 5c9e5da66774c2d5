import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// Answers that a model writes itself, token by token, each time the most likely one.
///
/// The context is read once: at each answer the state is forked, the model writes from the fork, and the true text goes on
/// from where it was.
struct GreedyAnswers {
  private let prompts: [AnswerPrompt]
  private let model: Model
  private let states: [DecodingState]
  private var hits: [Int]

  private init(_ prompts: [AnswerPrompt], _ model: Model) {
    self.prompts = prompts
    self.model = model
    states = prompts.map { model.makeState(capacity: $0.ids.count) }
    hits = prompts.map { _ in 0 }
  }

  /// Of each prompt the answers that are written exactly, as many tokens as there are.
  ///
  /// - Parameter report: called with the prompts that are done.
  /// - Throws: as `Model.forward`.
  static func measure(
    _ prompts: [AnswerPrompt], _ model: Model, report: (Int) -> Void
  ) throws(HybridizeError) -> [Int] {
    var hits: [Int] = []
    while hits.count < prompts.count {
      var writing = GreedyAnswers(AnswerLikelihood.group(prompts[hits.count...]), model)
      for answer in 0..<(writing.prompts.map(\.answers.count).max() ?? 0) { try writing.write(answer) }
      hits += writing.hits
      report(hits.count)
    }
    return hits
  }

  /// All prompts that have so many answers read on to this one and write it, together.
  private mutating func write(_ answer: Int) throws(HybridizeError) {
    var open = prompts.indices.filter { answer < prompts[$0].answers.count }
    let starts = open.map { prompts[$0].answers[answer].lowerBound }
    var inputs = zip(open, starts).map { prompt, start in
      SequenceInput(Array(prompts[prompt].ids[states[prompt].position..<start]), state: states[prompt])
    }
    var token = 0
    while !open.isEmpty {
      let found = try next(inputs)
      var going: (prompts: [Int], inputs: [SequenceInput]) = ([], [])
      for ((prompt, input), written) in zip(zip(open, inputs), found) {
        let place = prompts[prompt].answers[answer]
        // What is wrong once is wrong, whatever follows.
        guard prompts[prompt].ids[place.lowerBound + token] == written else { continue }
        if token + 1 == place.count {
          hits[prompt] += 1
        } else {
          going.prompts.append(prompt)
          going.inputs.append(SequenceInput([written], state: token == 0 ? input.state.fork() : input.state))
        }
      }
      (open, inputs) = going
      token += 1
    }
  }

  /// The most likely token behind each sequence.
  private func next(_ inputs: [SequenceInput]) throws(HybridizeError) -> [Int] {
    var found = [Int](repeating: -1, count: inputs.count)
    try model.forward(inputs, rows: .last) { sequence, logits in
      found[sequence] = model.backend.readFloats(logits).mostLikely(of: logits.columns)[0]
    }
    return found
  }
}
