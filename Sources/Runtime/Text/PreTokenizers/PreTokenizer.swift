import HybridizeCore

/// A step in which a tokenizer cuts a text into the words that its model sees.
///
/// Each case is a pre-tokenizer of the package `tokenizers`.
enum PreTokenizer: Sendable {
  /// A known pattern whose matches are the whole text, by a scanner of our own.
  case scan(SplitPattern)
  case split(TokenPattern, SplitBehavior, inverted: Bool)
  /// Characters of a kind.
  case characters(CharacterKind, SplitBehavior)
  /// `\w+|[^\w\s]+`, white space left out.
  case words
  /// A space in front of each piece that begins with none.
  case prefixSpace
  /// Spaces become the replacement, which also is put in front.
  case metaspace(Metaspace)
  /// Each byte becomes its character.
  case byteAlphabet
  /// Before each run of a character, for a model that merges nothing across: see `CharacterModel.boundary`.
  case boundaries([UInt8])

  enum CharacterKind: Sendable {
    case numeric
    case punctuation
    case whiteSpace
    case scalar(Unicode.Scalar)

    /// The characters of this kind, each by itself.
    func matches(in text: ClassifiedText, _ range: Range<Int>) -> [Range<Int>] {
      var matches: [Range<Int>] = []
      var index = range.lowerBound
      while index < range.upperBound {
        let end = text.nextCharacter(after: index)
        if contains(text.scalar(at: index)) { matches.append(index..<end) }
        index = end
      }
      return matches
    }

    private func contains(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .numeric:
        return CharacterClass.table[Int(scalar.value)] == .number
      case .whiteSpace: return CharacterClass.table[Int(scalar.value)] == .space
      case .scalar(let one): return scalar == one
      case .punctuation:
        if scalar.isASCII {
          return (0x21...0x2F).contains(scalar.value) || (0x3A...0x40).contains(scalar.value)
            || (0x5B...0x60).contains(scalar.value) || (0x7B...0x7E).contains(scalar.value)
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
          .finalPunctuation, .otherPunctuation:
          return true
        default: return false
        }
      }
    }
  }

  struct Metaspace: Sendable {
    enum PrependScheme: String, Sendable {
      case always, first, never
    }

    let replacement: [UInt8]
    let scheme: PrependScheme
    let splits: Bool
  }
}

/// The pieces of a text on their way through the steps.
struct PreTokenizerSteps: Sendable {
  let steps: [PreTokenizer]

  /// Calls `body` with each word of a range, in order: a text and where in it the word is.
  ///
  /// - Parameters:
  ///   - isFirst: nothing of the document stands before the range.
  ///   - continues: the text goes on behind others of its document, so that nothing is put in front.
  /// - Throws: `.tokenizerPatternRunsAway`, and what `body` throws.
  func forEachWord(
    of text: ClassifiedText, _ range: Range<Int>, isFirst: Bool, continues: Bool,
    _ body: (ClassifiedText, Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    try step(0, text, range, isFirst: isFirst, continues: continues, body)
  }

  private func step(
    _ index: Int, _ text: ClassifiedText, _ range: Range<Int>, isFirst: Bool, continues: Bool,
    _ body: (ClassifiedText, Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    guard !range.isEmpty else { return }
    guard index < steps.count else { return try body(text, range) }
    func go(_ piece: Range<Int>) throws(HybridizeError) {
      try step(
        index + 1, text, piece, isFirst: isFirst && piece.lowerBound == range.lowerBound, continues: continues, body)
    }
    func goOn(with bytes: [UInt8]) throws(HybridizeError) {
      try step(
        index + 1, ClassifiedText(bytes: bytes), 0..<bytes.count, isFirst: isFirst, continues: continues, body)
    }
    switch steps[index] {
    case .scan(let pattern):
      // The last step is the hot one: words go straight to the model.
      if index + 1 == steps.count {
        try pattern.split(text, range) { (piece) throws(HybridizeError) in try body(text, piece) }
      } else {
        try pattern.split(text, range, go)
      }
    case .split(let pattern, let behavior, let inverted):
      try behavior.split(range, at: pattern.matches(in: text.bytes, range), inverted: inverted, go)
    case .characters(let kind, let behavior):
      try behavior.split(range, at: kind.matches(in: text, range), inverted: false, go)
    case .words: try words(text, range, go)
    case .prefixSpace:
      if text.bytes[range.lowerBound] == 0x20 || continues { return try go(range) }
      try goOn(with: [0x20] + text.bytes[range])
    case .metaspace(let metaspace): try self.metaspace(metaspace, text, range, isFirst, continues, index, body)
    case .byteAlphabet: try goOn(with: text.bytes[range].flatMap { ByteAlphabet.utf8[Int($0)] })
    case .boundaries(let mark): try boundaries(mark, text, range, go)
    }
  }

  private func words(
    _ text: ClassifiedText, _ range: Range<Int>, _ go: (Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    var index = range.lowerBound
    while index < range.upperBound {
      let kind = kind(text, index)
      var end = text.nextCharacter(after: index)
      while end < range.upperBound, self.kind(text, end) == kind { end = text.nextCharacter(after: end) }
      if kind != .space { try go(index..<end) }
      index = end
    }
  }

  private enum Kind { case word, space, sign }

  private func kind(_ text: ClassifiedText, _ index: Int) -> Kind {
    if text.scalar(at: index).isWordCharacter { return .word }
    return text.character(at: index).kind == .space ? .space : .sign
  }

  private func metaspace(
    _ metaspace: PreTokenizer.Metaspace, _ text: ClassifiedText, _ range: Range<Int>, _ isFirst: Bool,
    _ continues: Bool, _ index: Int, _ body: (ClassifiedText, Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let mark = metaspace.replacement
    let prepends =
      switch metaspace.scheme {
      case .always: !continues
      case .first: isFirst && !continues
      case .never: false
      }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count + range.count / 2 + mark.count)
    if prepends, text.bytes[range.lowerBound] != 0x20, !text.bytes[range].starts(with: mark) { bytes += mark }
    for byte in text.bytes[range] { if byte == 0x20 { bytes += mark } else { bytes.append(byte) } }
    let replaced = ClassifiedText(bytes: bytes)
    guard metaspace.splits else {
      return try step(index + 1, replaced, 0..<bytes.count, isFirst: isFirst, continues: continues, body)
    }
    try SplitBehavior.mergedWithNext.split(
      0..<bytes.count, at: TokenPattern.text(mark).matches(in: bytes, 0..<bytes.count), inverted: false,
      { (piece) throws(HybridizeError) in
        try step(
          index + 1, replaced, piece, isFirst: isFirst && piece.lowerBound == 0, continues: continues, body)
      })
  }

  private func boundaries(
    _ mark: [UInt8], _ text: ClassifiedText, _ range: Range<Int>,
    _ go: (Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    var start = range.lowerBound
    var index = range.lowerBound
    var isBehindMark = true
    while index < range.upperBound {
      if text.bytes[index] == mark[0], text.bytes[index..<range.upperBound].starts(with: mark) {
        if !isBehindMark {
          try go(start..<index)
          start = index
        }
        isBehindMark = true
        index += mark.count
      } else {
        isBehindMark = false
        index += 1
      }
    }
    try go(start..<range.upperBound)
  }
}

extension Unicode.Scalar {
  /// `\w` of the expressions that the package `tokenizers` builds in: letters, marks, decimal digits, connectors, joiners.
  var isWordCharacter: Bool {
    if isASCII { return properties.isAlphabetic || (0x30...0x39).contains(value) || self == "_" }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
  }
}
