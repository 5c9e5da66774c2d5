import HybridizeCore
import HybridizeRuntime

/// A phone book and calls to some of its entries, whose numbers a model that recalls predicts:
///
/// ```
/// Phone book
/// alpha: 1234
/// bridge: 9876
/// Calls
/// bridge: 9876
/// ```
public struct RecallPrompt: Sendable, Equatable {
  public let ids: [Int]
  /// Where the numbers of the calls are among the ids, call by call.
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

  /// Keys are tokenised with their colon by themselves, so that no token goes across the place where the answer begins.
  ///
  /// - Throws: `.tokenizerUnsupported` for a tokenizer that has no tokens for a number.
  init(
    book: [(key: String, number: String)], called: [(key: String, number: String)], tokenizer: Tokenizer
  ) throws(HybridizeError) {
    let entries = book.map { "\($0.key): \($0.number)\n" }.joined()
    var ids = tokenizer.encode("Phone book\n\(entries)Calls\n")
    var answers: [Range<Int>] = []
    for call in called {
      let key = tokenizer.encode("\(call.key):")
      let answer = tokenizer.encode("\(call.key): \(call.number)").dropFirst(key.count)
      guard !answer.isEmpty, ids.count + key.count > 0 else {
        throw HybridizeError(.tokenizerUnsupported, expected: "tokens of its own for a number", found: call.number)
      }
      ids += key
      answers.append(ids.count..<ids.count + answer.count)
      ids += answer + tokenizer.encode("\n")
    }
    self.init(ids: ids, answers: answers)
  }

  /// The places from which the tokens of the answers are predicted: those before them, in ascending order.
  public var predictors: [Int] { answers.flatMap { $0.lowerBound - 1..<$0.upperBound - 1 } }
}
