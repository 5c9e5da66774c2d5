/// Tokens that are found in text as they are, before it is cut into words: special ones and others that were added to
/// a vocabulary.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int
    var text: [UInt8]
    var isSpecial = false
    /// Looked for in what the normalizer makes of the text, after the others.
    var isNormalized = false
    /// Found only where no letter, digit or underscore stands beside it.
    var isSingleWord = false
    /// White space on these sides belongs to the token.
    var stripsLeft = false
    var stripsRight = false
  }

  /// A piece of text: an added token, or what lies between two.
  enum Piece {
    case text(Range<Int>)
    case token(Int)
  }

  private let tokens: [Token]
  private let search: KeywordSearch

  /// - Parameter tokens: each with the text that is looked for.
  init(_ tokens: [Token]) {
    self.tokens = tokens
    search = KeywordSearch(tokens.map(\.text))
  }

  /// The pieces of a range, in order. The leftmost token comes first, the longest of several. The search goes on behind the
  /// token's own text, even if white space behind it belongs to it: a token of white space is found there once more.
  func pieces(of text: ClassifiedText, _ range: Range<Int>) -> [Piece] {
    guard !range.isEmpty else { return [] }
    let found = search.isEmpty ? [] : search.occurrences(in: text.bytes, range)
    guard !found.isEmpty else { return [.text(range)] }
    var pieces: [Piece] = []
    var start = range.lowerBound
    var searched = range.lowerBound
    for (place, keyword) in found.reversed() where place >= searched {
      let token = tokens[keyword]
      let end = place + token.text.count
      searched = end
      if token.isSingleWord, !standsAlone(place..<end, in: text, range) { continue }
      var from = place
      if token.stripsLeft {
        while from > start, text.character(at: text.lastCharacter(before: from)).kind == .space {
          from = text.lastCharacter(before: from)
        }
        from = max(from, start)
      }
      let stop = token.stripsRight ? text.run(from: end, to: range.upperBound) { $0 == .space } : end
      if from > start { pieces.append(.text(start..<from)) }
      // White space that the token before has taken leaves nothing of a token of white space.
      if from < stop { pieces.append(.token(token.id)) }
      start = stop
    }
    if start < range.upperBound { pieces.append(.text(start..<range.upperBound)) }
    return pieces
  }

  private func standsAlone(_ place: Range<Int>, in text: ClassifiedText, _ range: Range<Int>) -> Bool {
    if place.lowerBound > range.lowerBound,
      text.scalar(at: text.lastCharacter(before: place.lowerBound)).isWordCharacter
    {
      return false
    }
    return place.upperBound == range.upperBound || !text.scalar(at: place.upperBound).isWordCharacter
  }
}
