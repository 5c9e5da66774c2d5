import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime

/// A list of words, then the same from its end: `List: alpha bridge core\nBackwards: core bridge alpha`.
enum Reversal: TaskGenerator {
  static let name = "reversal"
  static let asks = "a list of words from its end"
  static let examples = 1
  static let sizes: [TaskSize] = [.count("words", "words of the list", [8, 16], in: 1...1000)]

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let (example, list) = (try source.words(4), try source.words(sizes["words"]))
    var writer = PromptWriter(source.tokenizer)
    try writer.add("List: \(example.joined(separator: " "))\nBackwards: \(example.reversed().joined(separator: " "))\n")
    try writer.add("List: \(list.joined(separator: " "))\nBackwards:")
    for word in list.reversed() { try writer.ask("", answer: " \(word)") }
    return writer.prompt
  }
}
