import HybridizeCore

/// A phone book and calls to some of its entries, whose numbers a model that recalls predicts:
///
/// ```
/// Phone book
/// alpha: 1234
/// bridge: 9876
/// Calls
/// bridge: 9876
/// ```
enum RecallGenerator: TaskGenerator {
  static let name = "recall"
  static let asks = "numbers of names that are called, from a phone book"
  static let sizes: [TaskSize] = [
    .count("pairs", "entries of the phone book", [8, 16, 32, 64], in: 1...1 << 20),
    .count("calls", "entries that are called, all if there are fewer", [8], in: 1...1 << 20),
  ]

  static func stream(_ sizes: TaskSizes) -> String { stream(pairs: sizes["pairs"]) }

  static func stream(pairs: Int) -> String { "recall of \(pairs) pairs" }

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    try prompt(pairs: sizes["pairs"], calls: sizes["calls"], from: &source)
  }

  static func prompt(
    pairs: Int, calls: Int, from source: inout PromptSource
  ) throws(HybridizeError) -> AnswerPrompt {
    let book = try source.words(pairs).map { (key: $0, number: source.number()) }
    let called = source.random.sample(min(calls, pairs), of: book)
    var writer = PromptWriter(source.tokenizer)
    try writer.add("Phone book\n" + book.map { "\($0.key): \($0.number)\n" }.joined() + "Calls\n")
    for call in called {
      try writer.ask("\(call.key):", answer: " \(call.number)")
      try writer.add("\n")
    }
    return writer.prompt
  }
}
