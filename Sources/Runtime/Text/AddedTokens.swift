/// Tokens that are found in text as they are, before it is cut into words: special ones and others that were added to
/// a vocabulary.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    let id: Int
    let text: [UInt8]
    let isSpecial: Bool
    /// Found in what a normaliser makes of the text, after the others: second, as there is no normaliser here.
    let isNormalized: Bool
    /// White space on these sides belongs to the token.
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A piece of text: an added token, or what lies between two.
  enum Piece {
    case text(Range<Int>)
    case token(Int)
  }

  let tokens: [Token]
  /// Tokens of the first pass over a text, and of the second over what the first leaves.
  private let passes: [TokenTable]

  init(_ tokens: [Token]) {
    self.tokens = tokens
    passes = [tokens.filter { !$0.isNormalized }, tokens.filter(\.isNormalized)].map(TokenTable.init)
  }

  /// Calls `body` with the pieces of a text in order.
  func split(_ text: ClassifiedText, _ body: (Piece) -> Void) {
    passes[0].split(text, 0..<text.bytes.count) { piece in
      if case .text(let range) = piece { passes[1].split(text, range, body) } else { body(piece) }
    }
  }
}

/// Tokens that are looked for together.
private struct TokenTable: Sendable {
  /// By first byte, longest first.
  private let byFirstByte: [[AddedTokens.Token]]

  init(_ tokens: [AddedTokens.Token]) {
    var table = [[AddedTokens.Token]](repeating: [], count: 256)
    for token in tokens { if let first = token.text.first { table[Int(first)].append(token) } }
    byFirstByte = table.map { $0.sorted { $0.text.count > $1.text.count } }
  }

  /// The leftmost token first, the longest of several. The search goes on behind the token's own text, even if white
  /// space behind it belongs to it: a token of white space is found there once more.
  func split(_ text: ClassifiedText, _ range: Range<Int>, _ body: (AddedTokens.Piece) -> Void) {
    var start = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      guard let token = match(text.bytes[index..<range.upperBound]) else {
        index += 1
        continue
      }
      var from = index
      index += token.text.count
      if token.stripsLeft {
        while from > start, text.character(at: text.lastCharacter(before: from)).kind == .space {
          from = text.lastCharacter(before: from)
        }
      }
      if from > start { body(.text(start..<from)) }
      body(.token(token.id))
      start = token.stripsRight ? text.run(from: index, to: range.upperBound) { $0 == .space } : index
    }
    if start < range.upperBound { body(.text(start..<range.upperBound)) }
  }

  private func match(_ bytes: ArraySlice<UInt8>) -> AddedTokens.Token? {
    bytes.first.flatMap { first in byFirstByte[Int(first)].first { bytes.starts(with: $0.text) } }
  }
}
