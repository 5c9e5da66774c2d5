import HybridizeCore

/// A sentence with a number, hidden in sentences that mean nothing:
///
/// ```
/// Remember the number.
/// about core likely. ... The number of bridge is 4821. ...
/// The number of bridge is 4821
/// ```
///
/// The sentence is its own example: the question repeats its words up to the number.
enum Needle: TaskGenerator {
  static let name = "needle"
  static let asks = "the number in one sentence among many of random words"
  static let sizes: [TaskSize] = [
    .count("length", "tokens of the prompt, at most", [512], in: 32...1 << 20),
    .share("depth", "share of the other sentences that stand before it", [0, 0.5, 1]),
  ]

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let (length, depth) = (sizes["length"], sizes.share("depth"))
    let key = try source.words(2)[0]
    let (fact, number) = ("The number of \(key) is", source.number())
    let filler = source.words.filter { UTF8Key($0) != UTF8Key(key) }
    // What is left of the length when all else has its place.
    var frame = PromptWriter(source.tokenizer)
    try write(fact, number, among: [], depth: 0, to: &frame)
    var room = length - frame.ids.count
    var sentences: [String] = []
    while let sentence = try sentence(of: filler, room: &room, &source) { sentences.append(sentence) }
    guard !sentences.isEmpty else {
      throw HybridizeError(
        .badArgument, expected: "needle.length: more than the \(frame.ids.count) tokens of sentence and question",
        found: "\(length)")
    }
    var writer = PromptWriter(source.tokenizer)
    try write(fact, number, among: sentences, depth: depth, to: &writer)
    return writer.prompt
  }

  private static func write(
    _ fact: String, _ number: String, among sentences: [String], depth: Double, to writer: inout PromptWriter
  ) throws(HybridizeError) {
    let place = Int((Double(sentences.count) * depth).rounded())
    try writer.add("Remember the number.\n")
    for sentence in sentences[..<place] { try writer.add(sentence) }
    try writer.add(" \(fact) \(number).")
    for sentence in sentences[place...] { try writer.add(sentence) }
    try writer.add("\n")
    try writer.ask(" \(fact)", answer: " \(number)")
    try writer.add(".\n")
  }

  /// Five to ten words, or as many of them as there is room for, which is taken away; `nil` if there is room for none.
  private static func sentence(
    of words: [String], room: inout Int, _ source: inout PromptSource
  ) throws(HybridizeError) -> String? {
    var chosen = (0..<5 + source.random.index(below: 6)).map { _ in words[source.random.index(below: words.count)] }
    while !chosen.isEmpty {
      let sentence = chosen.map { " \($0)" }.joined() + "."
      let count = try source.tokenizer.encode(sentence, continues: true).count
      if count <= room {
        room -= count
        return sentence
      }
      chosen.removeLast()
    }
    return nil
  }
}
