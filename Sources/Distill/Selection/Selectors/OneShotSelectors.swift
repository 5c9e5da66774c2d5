import HybridizeCore

/// Ours: one layer replaced at a time, judged on text and at the answers of prompts that ask for recall.
///
/// Text alone does not show what a layer does for recall: a layer that does nothing else costs hardly anything there.
public struct RecallSelector: Selector {
  public static let name = "kl-recall"
  public static let summary = "replace one layer at a time: KL on text and at the answers of recall prompts (default)"

  public init() {}

  private func scores(_ run: SelectionRun) -> SwapScores {
    SwapScores(swap: .replace, criterion: Criterion(answerWeight: run.request.answerWeight))
  }

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try scores(run).expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try scores(run).ranking(run).selection(
      run.count, of: run.layers, method: Self.name,
      unit: "nats lost where the layer is replaced: on text, and at answers with weight "
        + NumberText.brief(run.request.answerWeight))
  }
}

/// GR-S1: one layer replaced at a time in the original, as it is after transfer or alignment (arXiv 2512.20569,
/// ablations).
public struct ReplaceOneSelector: Selector {
  public static let name = "gr-s1"
  public static let summary = "replace one layer of the original: KL on text"
  private static let scores = SwapScores(swap: .replace)

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.scores.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try Self.scores.ranking(run).selection(
      run.count, of: run.layers, method: Self.name, unit: "nats lost on text where the layer is replaced")
  }
}

/// GA-S1: one layer restored at a time in the model that is all linear, as it is after transfer or alignment.
public struct RestoreOneSelector: Selector {
  public static let name = "ga-s1"
  public static let summary = "restore one layer of the all-linear model: KL on text"
  private static let scores = SwapScores(swap: .restore)

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.scores.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try Self.scores.ranking(run).selection(
      run.count, of: run.layers, method: Self.name, unit: "nats gained on text where the layer is restored")
  }
}
