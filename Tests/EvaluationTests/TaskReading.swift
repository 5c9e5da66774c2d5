/// Solves the prompts of tasks from their text alone, by rules that share nothing with what makes them.
enum TaskReading {
  /// A question with what the text says right after it, and what is right.
  struct Question: Equatable {
    let stated: [String]
    let right: [String]
  }

  struct Unreadable: Error {
    let text: String
  }

  /// All questions of a prompt, examples among them, in order.
  static func questions(of task: String, in text: String) throws -> [Question] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    switch task {
    case "recall": return try lookups(lines, from: "Phone book", to: "Calls")
    case "ar": return try lookups(lines, from: "Digits", to: "Asked")
    case "multi-hop": return try lookups(lines, from: "Numbers, or where they are", to: "Numbers")
    case "variable-tracking": return try variables(lines)
    case "needle": return try needle(text)
    case "cwe": return try lists(lines, "List:", "Several times:", repeated)
    case "fwe": return try lists(lines, "Text:", "Most frequent:", frequent)
    case "copy": return try lists(lines, "List:", "Again:") { $0 }
    default: throw Unreadable(text: task)
    }
  }

  private static func pair(_ line: String, _ separator: String) throws -> (key: String, value: String) {
    let parts = line.components(separatedBy: separator)
    guard parts.count == 2, !parts.contains("") else { throw Unreadable(text: line) }
    return (parts[0], parts[1])
  }

  /// Lines `key: value` under a heading and questions of the same form under another; a value may be an earlier key.
  private static func lookups(_ lines: [String], from: String, to: String) throws -> [Question] {
    guard lines.first == from, let middle = lines.dropFirst().firstIndex(of: to) else {
      throw Unreadable(text: lines.first ?? "")
    }
    var values: [String: String] = [:]
    var steps: [String: Int] = [:]
    for line in lines[1..<middle] {
      let (key, value) = try pair(line, ": ")
      guard values[key] == nil, Int(value) != nil || values[value] != nil else { throw Unreadable(text: line) }
      values[key] = values[value] ?? value
      steps[key] = steps[value].map { $0 + 1 } ?? 0
      guard steps[key]! <= 2 else { throw Unreadable(text: "more than two steps: \(line)") }
    }
    // A list with pointers asks for these only.
    let hasPointers = steps.values.contains { $0 > 0 }
    return try lines[(middle + 1)...].map { line in
      let (key, value) = try pair(line, ": ")
      guard let right = values[key], !hasPointers || steps[key]! > 0 else { throw Unreadable(text: line) }
      return Question(stated: [value], right: [right])
    }
  }

  private static func variables(_ lines: [String]) throws -> [Question] {
    var values: [(name: String, value: String)] = []
    var questions: [Question] = []
    for line in lines {
      guard line.hasPrefix("Variables of ") else {
        let (name, value) = try pair(line, " = ")
        guard !values.contains(where: { $0.name == name }) else { throw Unreadable(text: line) }
        values.append((name, values.first { $0.name == value }?.value ?? value))
        continue
      }
      let (value, list) = try pair(String(line.dropFirst("Variables of ".count)), ": ")
      let right = values.filter { $0.value == value }.map(\.name).joined(separator: " ")
      questions.append(Question(stated: [list], right: [right]))
    }
    return questions
  }

  private static func needle(_ text: String) throws -> [Question] {
    let facts = text.matches(of: /The number of ([^ ]+) is (\d\d\d\d)\./)
    guard facts.count == 2, facts[0].1 == facts[1].1 else { throw Unreadable(text: text) }
    return [Question(stated: [String(facts[1].2)], right: [String(facts[0].2)])]
  }

  private static func lists(
    _ lines: [String], _ list: String, _ question: String, _ solve: ([String]) -> [String]
  ) throws -> [Question] {
    guard lines.count == 4 else { throw Unreadable(text: lines.joined(separator: "\n")) }
    return try [0, 2].map { place in
      guard lines[place].hasPrefix(list + " "), lines[place + 1].hasPrefix(question + " ") else {
        throw Unreadable(text: lines[place])
      }
      let right = solve(lines[place].dropFirst(list.count).split(separator: " ").map(String.init))
      let stated = lines[place + 1].dropFirst(question.count).split(separator: " ").map(String.init)
      return Question(stated: stated, right: right)
    }
  }

  private static func repeated(_ words: [String]) -> [String] {
    var seen: [String] = []
    var found: [String] = []
    for word in words {
      if seen.contains(word), !found.contains(word) { found.append(word) }
      seen.append(word)
    }
    return found.sorted { words.firstIndex(of: $0)! < words.firstIndex(of: $1)! }
  }

  /// The three most frequent; none where the fourth is as frequent, or two of the three are.
  private static func frequent(_ words: [String]) -> [String] {
    let counts = Dictionary(grouping: words, by: \.self).mapValues(\.count).sorted { $0.value > $1.value }
    guard counts.count > 3, Set(counts.prefix(4).map(\.value)).count == 4 else { return [] }
    return counts.prefix(3).map(\.key)
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
