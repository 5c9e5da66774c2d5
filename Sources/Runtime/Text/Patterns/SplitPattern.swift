import HybridizeCore

/// How a tokenizer cuts text into words before it merges bytes. Each pattern is known by its exact text in
/// tokenizer.json and scanned by hand.
enum SplitPattern: Sendable, Equatable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  case gpt2
  /// Llama 3 and Qwen 2: contractions in either case, digits in groups of at most so many, line breaks apart.
  case grouped(digits: Int)

  private static let groupedHead = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
  private static let groupedTail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static let gpt2Expression = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The pattern's text.
  var expression: String {
    switch self {
    case .gpt2: Self.gpt2Expression
    case .grouped(let digits):
      Self.groupedHead + (digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#) + Self.groupedTail
    }
  }

  /// `nil` for a pattern that has no scanner here.
  init?(regularExpression pattern: String) {
    guard
      let known = [.gpt2, .grouped(digits: 3), .grouped(digits: 1)].first(where: { (known: Self) in
        known.expression == pattern
      })
    else { return nil }
    self = known
  }

  /// Calls `body` with each word of `range`, in order; together they are the whole range.
  ///
  /// - Throws: what `body` throws.
  func split(
    _ text: ClassifiedText, _ range: Range<Int>, _ body: (Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    var index = range.lowerBound
    while index < range.upperBound {
      let end: Int
      switch self {
      case .gpt2: end = text.gpt2Word(from: index, to: range.upperBound)
      case .grouped(let digits): end = text.groupedWord(from: index, to: range.upperBound, digits: digits)
      }
      try body(index..<end)
      index = end
    }
  }
}

extension ClassifiedText {
  private static let longContractions: [[UInt8]] = ["re", "ve", "ll"].map { Array($0.utf8) }
  private static let shortContractions = Array("stmd".utf8)

  /// The end of the GPT-2 word that begins at `start`.
  fileprivate func gpt2Word(from start: Int, to end: Int) -> Int {
    if let contraction = contraction(at: start, to: end, anyCase: false) { return contraction }
    // One space may stand before letters, numbers or signs.
    let body = bytes[start] == 0x20 && start + 1 < end ? start + 1 : start
    let kind = character(at: body).kind
    if kind != .space { return run(from: body, to: end) { $0 == kind } }
    return spaces(from: start, to: end)
  }

  /// White space gives back its last character if something follows, unless it is the only one.
  private func spaces(from start: Int, to end: Int) -> Int {
    let stop = run(from: start, to: end) { $0 == .space }
    guard stop < end else { return stop }
    let last = lastCharacter(before: stop)
    return last > start ? last : stop
  }

  /// The end of the Llama 3 or Qwen 2 word that begins at `start`.
  fileprivate func groupedWord(from start: Int, to end: Int, digits: Int) -> Int {
    if let contraction = contraction(at: start, to: end, anyCase: true) { return contraction }
    let (kind, length) = character(at: start)
    if kind == .letter { return run(from: start, to: end) { $0 == .letter } }
    let isLineBreak = isLineBreak(start)
    if kind != .number, !isLineBreak, start + length < end, character(at: start + length).kind == .letter {
      return run(from: start + length, to: end) { $0 == .letter }
    }
    if kind == .number {
      var count = 0
      return run(from: start, to: end) {
        count += 1
        return $0 == .number && count <= digits
      }
    }
    let signs = bytes[start] == 0x20 && start + 1 < end ? start + 1 : start
    if character(at: signs).kind == .other {
      var stop = run(from: signs, to: end) { $0 == .other }
      while stop < end, self.isLineBreak(stop) { stop += 1 }
      return stop
    }
    return lines(from: start, to: end) ?? spaces(from: start, to: end)
  }

  /// The end of white space that ends in line breaks.
  private func lines(from start: Int, to end: Int) -> Int? {
    let stop = run(from: start, to: end) { $0 == .space }
    return (start..<stop).last(where: isLineBreak).map { $0 + 1 }
  }

  private func isLineBreak(_ index: Int) -> Bool { bytes[index] == 0x0A || bytes[index] == 0x0D }

  private func contraction(at start: Int, to end: Int, anyCase: Bool) -> Int? {
    guard bytes[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
    func lower(_ index: Int) -> UInt8 {
      let byte = bytes[index]
      return anyCase && (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
    }
    if Self.shortContractions.contains(lower(start + 1)) { return start + 2 }
    // The long s is an s in the other case.
    if anyCase, start + 2 < end, bytes[start + 1] == 0xC5, bytes[start + 2] == 0xBF { return start + 3 }
    guard start + 2 < end, Self.longContractions.contains([lower(start + 1), lower(start + 2)]) else { return nil }
    return start + 3
  }
}
