import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Recall of numbers from phone books of one size: what a hybrid loses first, and likelihood on text does not show.
public struct RecallTask: Sendable, Equatable {
  /// Entries of each phone book.
  public let pairs: Int
  public let prompts: [AnswerPrompt]

  public init(pairs: Int, prompts: [AnswerPrompt]) {
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
    let random = SeededGenerator(seed: seed, stream: RecallGenerator.stream(pairs: pairs))
    var source = PromptSource(words: words, tokenizer: tokenizer, random: random)
    var prompts: [AnswerPrompt] = []
    for _ in 0..<count { prompts.append(try RecallGenerator.prompt(pairs: pairs, calls: calls, from: &source)) }
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

  /// The words of a file, or without one those of the tokenizer.
  ///
  /// - Throws: as `readWords`.
  package static func words(_ path: String?, of tokenizer: Tokenizer) throws(HybridizeError) -> [String] {
    guard let path else { return tokenizer.words }
    return try readWords(path)
  }

  /// Lets a model read the prompts, several at a time.
  ///
  /// - Throws: as `Model.forward`.
  public func measure(_ model: Model, progress: Progress = .silent) throws(HybridizeError) -> RecallResult {
    let scores = try AnswerLikelihood.measure(prompts, model) {
      progress.report("recall of \(pairs) pairs", done: $0, of: prompts.count)
    }
    return RecallResult(
      pairs: pairs, calls: scores.reduce(0) { $0 + $1.answers }, hits: scores.reduce(0) { $0 + $1.hits })
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
