import HybridizeCore

/// A kind of task that a model is judged by. One file a kind, and a line in `TaskRegistry`.
///
/// Every prompt shows the form of what it asks before the first answer that counts: where the text does not do so by
/// itself, with examples that are solved in it. A base model has no other way to know.
public protocol TaskGenerator: Sendable {
  /// For instance `needle`.
  static var name: String { get }
  /// What it asks, in words.
  static var asks: String { get }
  /// Raised when prompts change, so that nobody compares results of different ones.
  static var version: Int { get }
  /// Examples solved before the first answer that counts.
  static var examples: Int { get }
  static var sizes: [TaskSize] { get }
  /// What the random numbers of prompts of these sizes are drawn under.
  static func stream(_ sizes: TaskSizes) -> String
  /// The next prompt.
  ///
  /// - Throws: `.badArgument` for sizes that do not go together, or for too few words; `.tokenizerUnsupported`.
  static func prompt(_ sizes: TaskSizes, from source: inout PromptSource) throws(HybridizeError) -> AnswerPrompt
}

extension TaskGenerator {
  public static var version: Int { 1 }
  public static var examples: Int { 0 }
  public static func stream(_ sizes: TaskSizes) -> String { "\(name), \(sizes.text)" }
}

/// The tasks that this package has.
public enum TaskRegistry {
  public static let all: [any TaskGenerator.Type] = [
    RecallGenerator.self, Needle.self, MultiHop.self, VariableTracking.self, CommonWords.self, FrequentWords.self,
    Copy.self, AssociativeRecall.self,
  ]
}
