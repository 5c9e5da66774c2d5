import HybridizeCore

/// The table of SentencePiece that maps sequences of characters to others: a double-array trie of what is replaced, and the
/// replacements one after the other, each with a zero byte behind it.
struct CharacterMap: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// - Parameter bytes: the size of the trie in bytes as 32 bits, the trie, the replacements.
  /// - Throws: `.wrongField` for a table that is cut off.
  init(_ bytes: ArraySlice<UInt8>) throws(HybridizeError) {
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[bytes.startIndex + offset + $1]) << UInt32(8 * $1) }
    }
    guard bytes.count >= 4, case let size = Int(word(0)), size % 4 == 0, size >= 4, size <= bytes.count - 4 else {
      throw HybridizeError(
        .wrongField, expected: "precompiled_charsmap: a trie and its replacements", found: "\(bytes.count) bytes")
    }
    units = (0..<size / 4).map { word(4 + 4 * $0) }
    replacements = Array(bytes.dropFirst(4 + size))
  }

  /// Lengths of the keys that `bytes` begins with, shortest first, and what they become.
  private func matches(_ bytes: ArraySlice<UInt8>, _ body: (_ length: Int, _ value: Int) -> Bool) {
    var position = 0
    func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 1 << 9) >> 6)) }
    position ^= offset(units[0])
    for (length, byte) in bytes.enumerated() {
      guard byte != 0 else { return }
      position ^= Int(byte)
      guard units.indices.contains(position) else { return }
      let unit = units[position]
      // The label, and the bit that marks a value.
      guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return }
      position ^= offset(unit)
      guard units.indices.contains(position) else { return }
      if unit >> 8 & 1 == 1, !body(length + 1, Int(units[position] & (1 << 31 - 1))) { return }
    }
  }

  private func replacement(_ value: Int) -> ArraySlice<UInt8>? {
    guard value < replacements.count else { return nil }
    return replacements[value...].prefix { $0 != 0 }
  }

  /// The longest key that `bytes` begins with.
  func longest(_ bytes: ArraySlice<UInt8>) -> (length: Int, text: ArraySlice<UInt8>)? {
    var found: (length: Int, text: ArraySlice<UInt8>)?
    matches(bytes) { length, value in
      if let text = replacement(value) { found = (length, text) }
      return true
    }
    return found
  }

  /// What stands for a piece that begins with the shortest key.
  private func shortest(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var found: ArraySlice<UInt8>?
    matches(bytes) { _, value in
      found = replacement(value)
      return false
    }
    return found
  }

  /// The text as the package `tokenizers` maps it: grapheme clusters of less than six bytes as a whole, by the shortest key
  /// that they begin with, others character by character. `nil` if nothing changes.
  func applied(to bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var isChanged = false
    for cluster in String(decoding: bytes, as: UTF8.self) {
      let text = Array(cluster.utf8)
      if text.count < 6, let mapped = shortest(text[...]) {
        result += mapped
        isChanged = true
        continue
      }
      for scalar in cluster.unicodeScalars {
        let character = Array(UTF8.encode(scalar)!)
        if let mapped = shortest(character[...]) {
          result += mapped
          isChanged = true
        } else {
          result += character
        }
      }
    }
    return isChanged ? result : nil
  }
}
