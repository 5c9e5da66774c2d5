import HybridizeCore

/// A way to choose the layers that stay softmax attention.
public protocol Selector: Sendable {
  /// As `--method` names it.
  static var name: String { get }
  /// What it goes by, in one line.
  static var summary: String { get }
  init()

  /// What a selection will take, before anything is measured.
  func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost

  /// Chooses `run.count` layers of `run.layers`.
  ///
  /// - Throws: what loading models, reading text and measuring throw; `.badArgument` for a request that lacks what the method
  ///   needs.
  func select(_ run: SelectionRun) throws(HybridizeError) -> Selection
}

extension Selector {
  /// Nothing, as of a method that looks at no more than the configuration or the weights.
  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost { SelectionCost() }
}

/// The selectors. A new one is its file and a line here.
public enum SelectorRegistry {
  public static let all: [any Selector.Type] = [
    RecallSelector.self, RestoreOneSelector.self, RestoreOneTrainedSelector.self, ReplaceOneSelector.self,
    ReplaceOneTrainedSelector.self, AverageRankSelector.self, GreedyRestoreSelector.self, GreedyReplaceSelector.self,
    ExhaustiveSelector.self, SMARTSelector.self, HALOSelector.self, AblationPerplexitySelector.self,
    AblationErrorSelector.self, AblationTaskSelector<RecallAblation>.self,
    AblationTaskSelector<AssociativeRecallAblation>.self, AblationTaskSelector<MultiHopAblation>.self,
    AblationTaskSelector<VariableTrackingAblation>.self, AblationTaskSelector<CommonWordsAblation>.self,
    AblationTaskSelector<FrequentWordsAblation>.self, GateSelector.self, GradientNormSelector.self,
    AttentionSelector.self, DegreesOfFreedomSelector.self, MagnitudeSelector.self, UniformSelector.self,
    TerminalSelector.self,
    GivenSelector.self,
  ]

  /// Ours.
  public static let standard = RecallSelector.name

  /// - Throws: `.unknownSelector`.
  public static func selector(
    named name: String, of selectors: [any Selector.Type] = all
  ) throws(HybridizeError) -> any Selector {
    guard let type = selectors.first(where: { $0.name == name }) else {
      throw HybridizeError(
        .unknownSelector, expected: selectors.map { $0.name }.joined(separator: ", "), found: name)
    }
    return type.init()
  }
}

extension Problem {
  public static let unknownSelector = Problem("unknownSelector", .argument, "the selector is not known")
}
