import HybridizeCore

/// Recall of single digits: fewer tokens than a phone book takes, and one in ten is right by chance.
///
/// ```
/// Digits
/// alpha: 7
/// bridge: 2
/// Asked
/// bridge: 2
/// ```
enum AssociativeRecall: TaskGenerator {
  static let name = "ar"
  static let asks = "associative recall: digits of keys, from a list of both"
  static let sizes: [TaskSize] = [
    .count("keys", "lines of the list", [50], in: 1...1 << 20),
    .count("asked", "keys that are asked for, all if there are fewer", [8], in: 1...1 << 20),
  ]

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let lines = try source.words(sizes["keys"]).map { (key: $0, digit: source.random.index(below: 10)) }
    let asked = source.random.sample(min(sizes["asked"], lines.count), of: lines)
    var writer = PromptWriter(source.tokenizer)
    try writer.add("Digits\n" + lines.map { "\($0.key): \($0.digit)\n" }.joined() + "Asked\n")
    for line in asked {
      try writer.ask("\(line.key):", answer: " \(line.digit)")
      try writer.add("\n")
    }
    return writer.prompt
  }
}
