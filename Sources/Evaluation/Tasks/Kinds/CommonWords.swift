import HybridizeCore

/// Common words extraction: those that occur several times in a list, in which all others occur once.
///
/// ```
/// List: alpha core bridge alpha light
/// Several times: alpha
/// ```
///
/// A list of half the size is solved first. Each word is an answer, in the order in which they first occur.
enum CommonWords: TaskGenerator {
  static let name = "cwe"
  static let asks = "words that occur several times in a list, in order (common words extraction)"
  static let examples = 1
  static let sizes: [TaskSize] = [
    .count("common", "words that occur several times", [5], in: 1...1000),
    .count("times", "how often they do", [3], in: 2...1000),
    .count("others", "words that occur once", [40], in: 2...1 << 20),
  ]

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let (common, times, others) = (sizes["common"], sizes["times"], sizes["others"])
    let words = try source.words(2 * common + others + others / 2)
    var writer = PromptWriter(source.tokenizer)
    let example = list(words.prefix(common), times, words.dropFirst(2 * common + others), &source)
    try writer.add(example.text)
    try writer.add(example.common.map { " \($0)" }.joined() + "\n")
    let list = list(words[common..<2 * common], times, words[2 * common..<2 * common + others], &source)
    try writer.add(list.text)
    for word in list.common { try writer.ask("", answer: " \(word)") }
    try writer.add("\n")
    return writer.prompt
  }

  /// - Returns: the list with the question, and the answer.
  private static func list(
    _ common: ArraySlice<String>, _ times: Int, _ others: ArraySlice<String>, _ source: inout PromptSource
  ) -> (text: String, common: [String]) {
    let all = common.flatMap { [String](repeating: $0, count: times) } + others
    let shuffled = source.random.sample(all.count, of: all)
    var missing = Set(common.map { UTF8Key($0) })
    let found = shuffled.filter { missing.remove(UTF8Key($0)) != nil }
    return ("List:" + shuffled.map { " \($0)" }.joined() + "\nSeveral times:", found)
  }
}
