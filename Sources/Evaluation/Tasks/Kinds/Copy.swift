import HybridizeCore

/// A list of words, repeated:
///
/// ```
/// List: alpha bridge core
/// Again: alpha bridge core
/// ```
///
/// A list of four words is solved first. Each word is an answer.
enum Copy: TaskGenerator {
  static let name = "copy"
  static let asks = "a list of words once more"
  static let examples = 1
  static let sizes: [TaskSize] = [
    .count("words", "words of the list", [32], in: 1...1 << 20)
  ]
  private static let exampleWords = 4

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let words = try source.words(exampleWords + sizes["words"]).map { " \($0)" }
    let (example, list) = (words.prefix(exampleWords).joined(), words.dropFirst(exampleWords))
    var writer = PromptWriter(source.tokenizer)
    try writer.add("List:\(example)\nAgain:\(example)\nList:\(list.joined())\nAgain:")
    for word in list { try writer.ask("", answer: word) }
    try writer.add("\n")
    return writer.prompt
  }
}
