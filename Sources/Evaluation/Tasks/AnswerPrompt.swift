/// A text with answers in it, which a model that solves the task predicts from the text before them.
public struct AnswerPrompt: Sendable, Equatable {
  public let ids: [Int]
  /// Where the answers are among the ids, one after the other.
  public let answers: [Range<Int>]

  /// - Precondition: the answers lie among the ids in order, none is empty, and something is before the first.
  public init(ids: [Int], answers: [Range<Int>]) {
    var start = 1
    for answer in answers {
      precondition(answer.lowerBound >= start && !answer.isEmpty && answer.upperBound <= ids.count, "answer \(answer)")
      start = answer.upperBound
    }
    self.ids = ids
    self.answers = answers
  }

  /// The places from which the tokens of the answers are predicted: those before them, in ascending order.
  public var predictors: [Int] { answers.flatMap { $0.lowerBound - 1..<$0.upperBound - 1 } }

  /// The tokens of the answers, as many as predictors.
  public var targets: [Int] { answers.flatMap { ids[$0] } }
}
