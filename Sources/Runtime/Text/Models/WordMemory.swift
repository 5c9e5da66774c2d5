/// The tokens of words that texts have had before: most of a text consists of few words.
///
/// Each word has one place, by its bytes, which the next word of that place takes. Words of more than 15 bytes or four
/// tokens are not remembered. Not for use by two threads at once.
package struct WordMemory {
  /// The bytes of a word, and their number in the last one.
  struct Key: Equatable {
    fileprivate var low: UInt64
    fileprivate var high: UInt64

    /// `nil` for a word that is too long, or none.
    init?(_ bytes: [UInt8], _ word: Range<Int>) {
      guard 1...15 ~= word.count else { return nil }
      (low, high) = (0, 0)
      for index in word.reversed() {
        high = high << 8 | low >> 56
        low = low << 8 | UInt64(bytes[index])
      }
      high |= UInt64(word.count) << 56
    }

    /// Where the word belongs among 2^`bits` places. The wrapping products spread the bits; that is all that they are for.
    fileprivate func place(bits: Int) -> Int {
      let mixed = (low ^ (high &* 0xff51_afd7_ed55_8ccd)) &* 0x9e37_79b9_7f4a_7c15
      return Int(truncatingIfNeeded: mixed >> (64 - UInt64(bits)))
    }
  }

  private struct Entry {
    /// No word has this one: all have a byte.
    var key = (low: 0 as UInt64, high: 0 as UInt64)
    /// Ends with negative ones.
    var tokens = SIMD4<Int32>(repeating: -1)
  }

  private static let bits = 15
  private var entries: [Entry]

  /// A memory of no words yet.
  package init() { entries = Array(repeating: Entry(), count: 1 << Self.bits) }

  /// Appends the tokens of a word; false, and nothing done, if they are not known.
  func append(_ key: Key, to ids: inout [Int]) -> Bool {
    let entry = entries[key.place(bits: Self.bits)]
    guard entry.key == (key.low, key.high) else { return false }
    for index in 0..<4 where entry.tokens[index] >= 0 { ids.append(Int(entry.tokens[index])) }
    return true
  }

  mutating func remember(_ key: Key, _ tokens: ArraySlice<Int>) {
    guard tokens.count <= 4 else { return }
    var entry = Entry()
    entry.key = (key.low, key.high)
    for (index, token) in tokens.enumerated() { entry.tokens[index] = Int32(token) }
    entries[key.place(bits: Self.bits)] = entry
  }
}
