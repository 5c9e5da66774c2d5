import HybridizeCore

/// What a step of a tokenizer looks for: a text as it is, or a regular expression.
enum TokenPattern: Sendable {
  case text([UInt8])
  case expression(RegularExpression)

  /// Bytes that a text may become.
  private static let largest = 1 << 30

  /// The matches within a range, in order. An empty text is found nowhere.
  ///
  /// - Throws: `.tokenizerPatternRunsAway`.
  func matches(in bytes: [UInt8], _ range: Range<Int>) throws(HybridizeError) -> [Range<Int>] {
    switch self {
    case .expression(let expression): return try expression.matches(in: bytes, range)
    case .text(let text):
      guard let first = text.first else { return [] }
      var matches: [Range<Int>] = []
      var index = range.lowerBound
      while index + text.count <= range.upperBound {
        if bytes[index] == first, bytes[index..<index + text.count].elementsEqual(text) {
          matches.append(index..<index + text.count)
          index += text.count
        } else {
          index += 1
        }
      }
      return matches
    }
  }

  /// The text with each match replaced, and the first match; `nil` if there is none.
  ///
  /// - Throws: `.tokenizerPatternRunsAway`.
  func replaced(
    in bytes: ArraySlice<UInt8>, by replacement: [UInt8]
  ) throws(HybridizeError) -> (text: [UInt8], first: Range<Int>)? {
    // An empty text has no matches, not even an empty one.
    guard !bytes.isEmpty else { return nil }
    let bytes = Array(bytes)
    let matches = try matches(in: bytes, 0..<bytes.count)
    guard let first = matches.first else { return nil }
    guard matches.count <= Self.largest / max(1, replacement.count) else {
      throw HybridizeError(
        .tokenizerUnsupported, expected: "replacements that leave a text below \(Self.largest) bytes",
        found: "\(matches.count) of \(replacement.count) bytes each")
    }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + matches.count * replacement.count)
    var copied = 0
    for match in matches {
      result += bytes[copied..<match.lowerBound]
      result += replacement
      copied = match.upperBound
    }
    result += bytes[copied...]
    return (result, first)
  }
}
