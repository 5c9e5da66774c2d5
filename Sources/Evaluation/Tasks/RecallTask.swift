import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Recall of numbers from phone books of one size: what a hybrid loses first, and likelihood on text does not show.
public struct RecallTask: Sendable, Equatable {
  /// Entries of each phone book.
  public let pairs: Int
  public let prompts: [RecallPrompt]

  public init(pairs: Int, prompts: [RecallPrompt]) {
    self.pairs = pairs
    self.prompts = prompts
  }

  /// Phone books of different words and of numbers from 1000 to 9999, the same for the same words and seed.
  ///
  /// - Parameters:
  ///   - count: phone books.
  ///   - calls: entries that are called, each once; all of them if there are fewer.
  ///   - words: keys to choose from, all different.
  /// - Throws: `.badArgument` for more pairs than words, or for less than one of anything; `.tokenizerUnsupported`
  ///   for a tokenizer that has no tokens for a number.
  public init(
    pairs: Int, prompts count: Int, calls: Int = 8, words: [String], seed: UInt64, tokenizer: Tokenizer
  ) throws(HybridizeError) {
    for (name, number) in [("pairs", pairs), ("prompts", count), ("calls", calls)] where number < 1 {
      throw HybridizeError(.badArgument, expected: "\(name): at least 1", found: "\(number)")
    }
    guard pairs <= words.count else {
      throw HybridizeError(.badArgument, expected: "pairs: at most \(words.count), one a word", found: "\(pairs)")
    }
    var random = SeededGenerator(seed: seed, stream: "recall of \(pairs) pairs")
    var prompts: [RecallPrompt] = []
    for _ in 0..<count {
      let book = random.sample(pairs, of: words).map { (key: $0, number: "\(1000 + random.index(below: 9000))") }
      let called = random.sample(min(calls, pairs), of: book)
      prompts.append(try RecallPrompt(book: book, called: called, tokenizer: tokenizer))
    }
    self.init(pairs: pairs, prompts: prompts)
  }

  /// A list of words: a JSON array of strings.
  ///
  /// - Throws: `.unreadable`, JSON problems, `.wrongField` for anything else, also for a word that is there twice.
  public static func readWords(_ path: String) throws(HybridizeError) -> [String] {
    let value = try ModelDirectory.readJSON(path)
    let words = value.arrayValue?.compactMap(\.stringValue) ?? []
    guard words.count == value.arrayValue?.count, Set(words.map { UTF8Key($0) }).count == words.count else {
      throw HybridizeError(.wrongField, file: path, expected: "an array of words that all differ")
    }
    return words
  }
}

/// How many numbers a model has recalled.
public struct RecallResult: Sendable, Equatable {
  public let pairs: Int
  public let calls: Int
  /// Calls of which each token of the answer was the most likely one, given the true text before it.
  public let hits: Int

  public init(pairs: Int, calls: Int, hits: Int) {
    self.pairs = pairs
    self.calls = calls
    self.hits = hits
  }

  /// The share of calls that are hits.
  public var share: Double { Double(hits) / Double(calls) }

  public var json: JSONObject {
    ["pairs": .integer(pairs), "calls": .integer(calls), "hits": .integer(hits), "recall": .double(share)]
  }
}

extension RecallTask {
  /// Tokens of the prompts that go through the model together: some blocks of a prefill, so that most are full.
  private static let tokensTogether = 8 * Model.prefillBlock

  /// Lets a model read the prompts, several at a time.
  ///
  /// - Throws: as `Model.forward`.
  public func measure(_ model: Model, progress: Progress = .silent) throws(HybridizeError) -> RecallResult {
    var hits = 0
    var done = 0
    while done < prompts.count {
      let group = Self.group(prompts[done...])
      for (prompt, found) in zip(group, try Self.predictions(model, group)) { hits += Self.hits(prompt, found) }
      done += group.count
      progress.report("recall of \(pairs) pairs", done: done, of: prompts.count)
    }
    return RecallResult(pairs: pairs, calls: prompts.reduce(0) { $0 + $1.answers.count }, hits: hits)
  }

  /// As many of the first prompts as go together, at least one.
  private static func group(_ prompts: ArraySlice<RecallPrompt>) -> ArraySlice<RecallPrompt> {
    var tokens = 0
    return prompts.prefix { prompt in
      defer { tokens += prompt.ids.count }
      return tokens == 0 || tokens + prompt.ids.count <= tokensTogether
    }
  }

  /// The most likely token at each place of an answer.
  private static func predictions(
    _ model: Model, _ prompts: ArraySlice<RecallPrompt>
  ) throws(HybridizeError) -> [[Int]] {
    var found = prompts.map { _ in [Int]() }
    let batch = prompts.map { SequenceInput($0.ids, state: model.makeState(capacity: $0.ids.count)) }
    try model.forward(batch, rows: .at(prompts.map(\.predictors))) { prompt, logits in
      found[prompt] += model.backend.readFloats(logits).mostLikely(of: logits.columns)
    }
    return found
  }

  private static func hits(_ prompt: RecallPrompt, _ found: [Int]) -> Int {
    var rest = found[...]
    return prompt.answers.count { answer in
      defer { rest = rest.dropFirst(answer.count) }
      return rest.starts(with: prompt.ids[answer])
    }
  }
}
