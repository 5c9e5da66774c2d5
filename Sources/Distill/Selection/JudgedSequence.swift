import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime

/// Tokens that candidates read, and the places where they are judged.
package struct JudgedSequence: Sendable {
  package let ids: [Int]
  /// Places at which a token is predicted, ascending.
  package let rows: [Int]
  /// The token that follows each of them.
  package let targets: [Int]
  /// Rows, by their index among `rows`, that all have to be right for one thing to be right.
  package let trials: [Range<Int>]

  /// Text: every token that another follows.
  ///
  /// - Precondition: at least two tokens.
  package init(text ids: [Int]) {
    precondition(ids.count > 1, "\(ids.count) tokens predict nothing")
    self.ids = ids
    rows = Array(0..<ids.count - 1)
    targets = Array(ids.dropFirst())
    trials = rows.map { $0..<$0 + 1 }
  }

  /// A prompt: the answers alone.
  package init(prompt: AnswerPrompt) {
    ids = prompt.ids
    rows = prompt.predictors
    targets = prompt.answers.flatMap { prompt.ids[$0] }
    var first = 0
    trials = prompt.answers.map { answer in
      defer { first += answer.count }
      return first..<first + answer.count
    }
  }
}

extension [JudgedSequence] {
  /// - Throws: `.tokenOutOfRange`.
  func check(vocabulary size: Int) throws(HybridizeError) {
    for id in lazy.flatMap(\.ids) where !(0..<size).contains(id) {
      throw HybridizeError(.tokenOutOfRange, expected: "0 to \(size - 1)", found: "\(id)")
    }
  }

  var tokenCount: Int { reduce(0) { $0 + $1.ids.count } }
}

/// Sequences as the layers see them, one after the other.
struct JudgedBatch {
  let layout: PassLayout
  /// Those that are judged, ascending.
  let rows: [Int]

  init(_ sequences: [JudgedSequence]) {
    layout = PassLayout(TokenBatch(sequences.map { TokenSequence(ids: $0.ids) }), isolatesDocuments: false)
    rows = zip(layout.sequences, sequences).flatMap { place, sequence in
      sequence.rows.map { place.rows.lowerBound + $0 }
    }
  }
}

/// What a candidate is found to do on a sequence: sums over the places where it is judged.
package struct JudgedSums: Sendable, Equatable {
  /// KL(teacher || candidate), in nats.
  package var divergence = 0.0
  /// Negative log likelihood of the tokens that follow, in nats.
  package var loss = 0.0
  /// Mean square of the difference from what the teacher's head gets.
  package var error = 0.0
  /// Places.
  package var rows = 0
  /// Trials of which every token was the most likely one.
  package var hits = 0
  package var trials = 0

  package init() {}

  package static func += (a: inout JudgedSums, b: JudgedSums) {
    a.divergence += b.divergence
    a.loss += b.loss
    a.error += b.error
    a.rows += b.rows
    a.hits += b.hits
    a.trials += b.trials
  }
}

/// What a candidate is found to do on all that it is judged on.
package struct CandidateScores: Sendable, Equatable {
  /// One a sequence of text.
  package var text: [JudgedSums]
  /// One a prompt.
  package var answers: [JudgedSums]
  /// Mean divergence of the last steps of its training, if it was trained.
  package var trainingLoss: Double?

  package init(text: [JudgedSums], answers: [JudgedSums], trainingLoss: Double? = nil) {
    self.text = text
    self.answers = answers
    self.trainingLoss = trainingLoss
  }
}
