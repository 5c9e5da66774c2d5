import HybridizeCore

extension TokenDocuments {
  /// The share of a text's documents that is held out, at most, where that is a document and enough for a sequence.
  private static let usualShare = 0.05

  /// Parts what a training is never to see from what it reads: the last documents, enough for so many sequences if that is
  /// little of the text, and for one in any case. Neither side is ever empty, and no document is on both; but a text that is
  /// one document, as any plain text is, is cut in two.
  ///
  /// - Parameters:
  ///   - sequences: how many are wanted.
  ///   - length: tokens of each.
  ///   - isOneDocument: the text is, whatever stretches it comes in.
  ///   - name: of the text, for messages.
  /// - Throws: `.tooFewDocuments` for a text that has too little, with how much it would need.
  /// - Precondition: both numbers are positive.
  public func holdOut(
    sequences: Int, of length: Int, isOneDocument: Bool = false, name: String
  ) throws(HybridizeError) -> (rest: TokenDocuments, last: TokenDocuments) {
    precondition(sequences > 0 && length > 0, "\(sequences) sequences of \(length) tokens")
    guard tokenCount / 2 >= length else {
      throw HybridizeError(
        .tooFewDocuments, file: name,
        expected: "at least \(2 * length) tokens: a sequence of \(length) to hold out, and one to read",
        found: NumberText.counted(tokenCount, "token"), remedy: "give a longer text or a smaller --length")
    }
    if isOneDocument || count == 1 {
      let share = Int(Double(tokenCount) * Self.usualShare) / length
      return cut(last: max(1, min(sequences, share)) * length)
    }
    let mean = max(1, tokenCount / count)
    let wantedTokens = min(sequences, tokenCount / length) * length
    let wanted = (wantedTokens + mean - 1) / mean + 1
    var held = max(1, min(wanted, Int(Double(count) * Self.usualShare)))
    while held < count - 1, tokens(ofLast: held) < length { held += 1 }
    guard tokens(ofLast: held) >= length else {
      throw HybridizeError(
        .tooFewDocuments, file: name, expected: "a sequence of \(length) tokens in the documents behind the first",
        found: "\(NumberText.counted(tokens(ofLast: held), "token")) in \(NumberText.counted(held, "document"))",
        remedy: "put the documents in another order, give more of them or a smaller --length")
    }
    return try split(last: held)
  }

  private func tokens(ofLast count: Int) -> Int {
    span.upperBound - tokens(of: range.upperBound - count).lowerBound
  }
}
