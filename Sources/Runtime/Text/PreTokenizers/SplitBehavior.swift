import HybridizeCore

/// What becomes of the matches by which a text is split.
enum SplitBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"

  /// Calls `body` with the pieces of a range, in order, none of them empty.
  ///
  /// - Parameters:
  ///   - matches: in order.
  ///   - inverted: what lies between the matches counts as the matches.
  /// - Throws: what `body` throws.
  func split(
    _ range: Range<Int>, at matches: [Range<Int>], inverted: Bool,
    _ body: (Range<Int>) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    // One piece is held back, as the next may belong to it.
    var held: (piece: Range<Int>, isMatch: Bool)?
    func give() throws(HybridizeError) {
      guard let held, !held.piece.isEmpty, !(self == .removed && held.isMatch) else { return }
      try body(held.piece)
    }
    func add(_ piece: Range<Int>, isMatch: Bool) throws(HybridizeError) {
      if let last = held, joins(isMatch, behind: last.isMatch) {
        held = (last.piece.lowerBound..<piece.upperBound, isMatch)
      } else {
        try give()
        held = (piece, isMatch)
      }
    }
    var end = range.lowerBound
    for match in matches {
      if match.lowerBound > end { try add(end..<match.lowerBound, isMatch: inverted) }
      try add(match, isMatch: !inverted)
      end = match.upperBound
    }
    if end < range.upperBound { try add(end..<range.upperBound, isMatch: inverted) }
    try give()
  }

  private func joins(_ isMatch: Bool, behind lastIsMatch: Bool) -> Bool {
    switch self {
    case .removed, .isolated: false
    case .contiguous: isMatch == lastIsMatch
    case .mergedWithPrevious: isMatch && !lastIsMatch
    case .mergedWithNext: lastIsMatch && !isMatch
    }
  }
}
