/// One sequence's part in a call that covers several.
public struct SequenceInput {
  /// Tokens after those that the state has seen.
  public let ids: [Int]
  public let state: DecodingState

  public init(_ ids: [Int], state: DecodingState) {
    self.ids = ids
    self.state = state
  }
}

/// Tokens of one or more sequences that go through the layers together.
package struct TokenBlock {
  package struct Piece {
    package let sequence: Int
    /// Of the sequence's tokens in this call.
    package let tokens: Range<Int>
    /// Of the block's activations.
    package let rows: Range<Int>
  }

  package let pieces: [Piece]

  /// Blocks of at most `size` tokens for sequences of `counts` tokens, each sequence in order.
  ///
  /// - Precondition: a block takes a token.
  package static func cut(_ counts: [Int], size: Int) -> [TokenBlock] {
    precondition(size > 0, "blocks of no tokens")
    var blocks: [TokenBlock] = []
    var pieces: [Piece] = []
    var used = 0
    func close() {
      if !pieces.isEmpty { blocks.append(TokenBlock(pieces: pieces)) }
      (pieces, used) = ([], 0)
    }
    for (sequence, count) in counts.enumerated() {
      var start = 0
      while start < count {
        let end = min(count, start + size - used)
        pieces.append(Piece(sequence: sequence, tokens: start..<end, rows: used..<used + end - start))
        used += end - start
        start = end
        if used == size { close() }
      }
    }
    close()
    return blocks
  }
}
