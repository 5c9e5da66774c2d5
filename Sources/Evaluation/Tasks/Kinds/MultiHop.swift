import HybridizeCore

/// Keys with numbers, and keys that point to earlier ones, by one step or two:
///
/// ```
/// Numbers, or where they are
/// alpha: 1234
/// bridge: alpha
/// core: bridge
/// Numbers
/// bridge: 1234
/// core: 1234
/// ```
enum MultiHop: TaskGenerator {
  static let name = "multi-hop"
  static let asks = "numbers of keys that point to other keys, over one or two steps"
  static let examples = 2
  static let sizes: [TaskSize] = [
    .count("keys", "lines of the list, 40 % of them pointers", [25], in: 8...1 << 20),
    .count("asked", "pointers that are asked for besides the examples, all if there are fewer", [8], in: 1...1 << 20),
  ]

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let keys = try source.words(sizes["keys"])
    var numbers: [String] = []
    var steps: [Int] = []
    var lines: [String] = []
    // The first line is no pointer, as nothing stands before it.
    let pointers = Set(source.random.sample(keys.count * 2 / 5, of: Array(1..<keys.count)))
    for (line, key) in keys.enumerated() {
      if pointers.contains(line) {
        let targets = steps.indices.filter { steps[$0] < 2 }
        let target = targets[source.random.index(below: targets.count)]
        lines.append("\(key): \(keys[target])\n")
        numbers.append(numbers[target])
        steps.append(steps[target] + 1)
      } else {
        numbers.append(source.number())
        lines.append("\(key): \(numbers[line])\n")
        steps.append(0)
      }
    }
    let asked = source.random.sample(min(sizes["asked"] + examples, pointers.count), of: pointers.sorted())
    var writer = PromptWriter(source.tokenizer)
    try writer.add("Numbers, or where they are\n" + lines.joined() + "Numbers\n")
    for line in asked.prefix(examples) { try writer.add("\(keys[line]): \(numbers[line])\n") }
    for line in asked.dropFirst(examples) {
      try writer.ask("\(keys[line]):", answer: " \(numbers[line])")
      try writer.add("\n")
    }
    return writer.prompt
  }
}
