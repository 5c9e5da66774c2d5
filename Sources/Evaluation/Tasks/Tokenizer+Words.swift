import HybridizeRuntime

extension Tokenizer {
  /// Words that the tokenizer has a token for: a space and four to eight letters of English. Not all are words that
  /// somebody would use, but each is one unit to the model.
  public var words: [String] {
    let words = (0..<vocabularySize).compactMap { id -> String? in
      guard let bytes = try? bytes(of: id), bytes.first == 0x20, (5...9).contains(bytes.count),
        bytes.dropFirst().allSatisfy({ (0x61...0x7A).contains($0) })
      else { return nil }
      return String(decoding: bytes.dropFirst(), as: UTF8.self)
    }
    return Set(words).sorted()
  }
}
