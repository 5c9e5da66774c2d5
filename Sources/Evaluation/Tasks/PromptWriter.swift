import HybridizeCore
import HybridizeRuntime

/// Puts a prompt together from pieces of text. Each piece is tokenised by itself, so that no token goes across the place
/// where an answer begins; pieces are best cut where words and lines are.
public struct PromptWriter {
  private let tokenizer: Tokenizer
  public private(set) var ids: [Int] = []
  public private(set) var answers: [Range<Int>] = []

  public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// Appends a piece of text. The first one begins the document, with the tokens that the tokenizer puts there.
  ///
  /// - Throws: what `Tokenizer.encode` throws.
  public mutating func add(_ text: String) throws(HybridizeError) { ids += try encoded(text) }

  private func encoded(_ text: String) throws(HybridizeError) -> [Int] {
    try tokenizer.encode(text, special: ids.isEmpty ? .before : .none, continues: !ids.isEmpty)
  }

  /// Appends a lead, such as a key with its colon, and the answer behind it.
  ///
  /// - Throws: `.tokenizerUnsupported` for a tokenizer that has no tokens for the answer, what `Tokenizer.encode` throws.
  public mutating func ask(_ lead: String, answer: String) throws(HybridizeError) {
    let before = try encoded(lead)
    let whole = try encoded(lead + answer)
    // Where lead and answer would share a token, the answer is tokenised as it is generated: behind the lead.
    let tokens =
      try whole.starts(with: before)
      ? Array(whole.dropFirst(before.count)) : tokenizer.encode(answer, continues: true)
    guard !tokens.isEmpty, ids.count + before.count > 0 else {
      throw HybridizeError(.tokenizerUnsupported, expected: "tokens of its own for an answer", found: answer)
    }
    ids += before
    answers.append(ids.count..<ids.count + tokens.count)
    ids += tokens
  }

  /// What has been written so far.
  public var prompt: AnswerPrompt { AnswerPrompt(ids: ids, answers: answers) }
}
