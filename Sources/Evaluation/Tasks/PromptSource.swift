import HybridizeCore
import HybridizeRuntime

/// What prompts are made of: words, a tokenizer, and chance that is the same for the same seed.
public struct PromptSource {
  /// To choose from, all different.
  public let words: [String]
  public let tokenizer: Tokenizer
  public var random: SeededGenerator

  public init(words: [String], tokenizer: Tokenizer, random: SeededGenerator) {
    self.words = words
    self.tokenizer = tokenizer
    self.random = random
  }

  /// So many different words in random order.
  ///
  /// - Throws: `.badArgument` if there are not as many.
  public mutating func words(_ count: Int) throws(HybridizeError) -> [String] {
    guard count <= words.count else {
      throw HybridizeError(
        .badArgument, expected: "at most \(words.count) different words, as many as there are", found: "\(count)",
        remedy: "ask for less, or give a longer list of words")
    }
    return random.sample(count, of: words)
  }

  /// A number of four digits, the first not 0.
  public mutating func number() -> String { "\(1000 + random.index(below: 9000))" }

  /// So many different numbers of four digits.
  ///
  /// - Precondition: at most 9000.
  public mutating func numbers(_ count: Int) -> [String] {
    random.sample(count, of: Array(1000..<10_000)).map { "\($0)" }
  }
}
