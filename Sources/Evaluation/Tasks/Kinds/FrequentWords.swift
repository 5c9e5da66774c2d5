import HybridizeCore

/// Frequent words extraction: the three most frequent of coined words, whose frequencies fall as `1 / rank²` (Zipf).
///
/// ```
/// Text: rumako rumako seliba rumako ...
/// Most frequent: rumako seliba tobemi
/// ```
///
/// A text of half the size is solved first. Each word is an answer, the most frequent first.
enum FrequentWords: TaskGenerator {
  static let name = "fwe"
  static let asks = "the three most frequent of coined words (frequent words extraction)"
  static let examples = 1
  static let sizes: [TaskSize] = [
    .count("words", "words of the text", [64], in: 64...1 << 20)
  ]
  private static let asked = 3

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    var coined: Set<String> = []
    var writer = PromptWriter(source.tokenizer)
    let example = text(sizes["words"] / 2, &coined, &source)
    try writer.add(example.text)
    try writer.add(example.frequent.map { " \($0)" }.joined() + "\n")
    let text = text(sizes["words"], &coined, &source)
    try writer.add(text.text)
    for word in text.frequent { try writer.ask("", answer: " \(word)") }
    try writer.add("\n")
    return writer.prompt
  }

  /// - Returns: the text with the question, and the answer.
  private static func text(
    _ count: Int, _ coined: inout Set<String>, _ source: inout PromptSource
  ) -> (text: String, frequent: [String]) {
    let counts = counts(of: count)
    let words = counts.map { _ in coin(&coined, &source) }
    let all = zip(words, counts).flatMap { [String](repeating: $0, count: $1) }
    let shuffled = source.random.sample(all.count, of: all)
    return ("Text:" + shuffled.map { " \($0)" }.joined() + "\nMost frequent:", Array(words.prefix(asked)))
  }

  /// How often each word occurs, `count` altogether: as Zipf has it, rounded down but at least once. From 32 on the first
  /// four differ.
  static func counts(of count: Int) -> [Int] {
    // 1 + 1/4 + 1/9 + ...
    let sum = 1.644934
    var counts: [Int] = []
    var rest = count
    while rest > 0 {
      let rank = Double(counts.count + 1)
      counts.append(min(rest, max(1, Int(Double(count) / (sum * rank * rank)))))
      rest -= counts[counts.count - 1]
    }
    return counts
  }

  /// A word of three syllables that was not there before. There are 274,625, and a text of a million words has some thousand.
  private static func coin(_ coined: inout Set<String>, _ source: inout PromptSource) -> String {
    let (consonants, vowels) = (Array("bdfgklmnprstvz"), Array("aeiou"))
    while true {
      var word = ""
      for _ in 0..<3 {
        word.append(consonants[source.random.index(below: consonants.count)])
        word.append(vowels[source.random.index(below: vowels.count)])
      }
      if coined.insert(word).inserted { return word }
    }
  }
}
