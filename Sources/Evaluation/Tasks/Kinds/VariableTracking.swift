import HybridizeCore

/// Chains of assignments, mixed with each other, and the question which variables have the value of a chain:
///
/// ```
/// alpha = 1234
/// core = 9876
/// bridge = alpha
/// light = core
/// Variables of 1234: alpha bridge
/// Variables of 9876: core light
/// ```
///
/// The first chain that is asked for is solved, and all others distract from each. An answer is the whole list, in the
/// order of the assignments.
enum VariableTracking: TaskGenerator {
  static let name = "variable-tracking"
  static let asks = "which variables have a value, through chains of assignments"
  static let examples = 1
  static let sizes: [TaskSize] = [
    .count("chains", "chains of assignments, the first of which is the example", [4], in: 2...1000),
    .count("steps", "variables of a chain that take another's value", [2], in: 1...1000),
  ]

  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt {
    let (count, length) = (sizes["chains"], sizes["steps"] + 1)
    let names = try source.words(count * length)
    let values = source.numbers(count)
    let chains = (0..<count).map { chain in Array(names[chain * length..<(chain + 1) * length]) }
    // Chains take turns in an order by chance, and each goes on where it was.
    let turns = source.random.sample(count * length, of: (0..<count * length).map { $0 % count })
    var done = [Int](repeating: 0, count: count)
    var lines = ""
    for chain in turns {
      let value = done[chain] == 0 ? values[chain] : chains[chain][done[chain] - 1]
      lines += "\(chains[chain][done[chain]]) = \(value)\n"
      done[chain] += 1
    }
    var writer = PromptWriter(source.tokenizer)
    try writer.add(lines)
    for (index, chain) in chains.enumerated() {
      let (lead, answer) = ("Variables of \(values[index]):", chain.map { " \($0)" }.joined())
      if index < examples {
        try writer.add(lead + answer)
      } else {
        try writer.ask(lead, answer: answer)
      }
      try writer.add("\n")
    }
    return writer.prompt
  }
}
