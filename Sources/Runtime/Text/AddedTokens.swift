/// Tokens that are found in text as they are, before it is cut into words: special ones and others that were added to
/// a vocabulary.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    let id: Int
    let text: [UInt8]
    let isSpecial: Bool
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
  /// By first byte, longest first.
  private let byFirstByte: [[Token]]

  init(_ tokens: [Token]) {
    self.tokens = tokens
    var table = [[Token]](repeating: [], count: 256)
    for token in tokens { if let first = token.text.first { table[Int(first)].append(token) } }
    byFirstByte = table.map { $0.sorted { $0.text.count > $1.text.count } }
  }

  /// Calls `body` with the pieces of a text in order: the leftmost token first, the longest of several.
  func split(_ text: ClassifiedText, _ body: (Piece) -> Void) {
    var start = 0
    var index = 0
    while index < text.bytes.count {
      guard let token = match(text.bytes, at: index) else {
        index += 1
        continue
      }
      var (from, to) = (index, index + token.text.count)
      if token.stripsLeft {
        while from > start, text.character(at: text.lastCharacter(before: from)).kind == .space {
          from = text.lastCharacter(before: from)
        }
      }
      if token.stripsRight { to = text.run(from: to, to: text.bytes.count) { $0 == .space } }
      if from > start { body(.text(start..<from)) }
      body(.token(token.id))
      (start, index) = (to, to)
    }
    if start < text.bytes.count { body(.text(start..<text.bytes.count)) }
  }

  private func match(_ bytes: [UInt8], at index: Int) -> Token? {
    byFirstByte[Int(bytes[index])].first { bytes[index...].starts(with: $0.text) }
  }
}
