import HybridizeCore

/// GA-S2, the paper's selector (arXiv 2512.20569, 3.2): one layer restored at a time in the aligned model that is all
/// linear, each candidate matched to the teacher on the same batches, ranked by what divergence is left. The published
/// code ranks by the loss of the last steps; here held-out text is the default, which no candidate has seen.
public struct RestoreOneTrainedSelector: Selector {
  public static let name = "ga-s2"
  public static let summary = "restore one layer, match each candidate: KL on held-out text (the paper's)"

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try SwapScores.trained(.restore, run).expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try SwapScores.trained(.restore, run).selection(
      run, method: Self.name, unit: "nats gained where the layer is restored, over the layer that gains the least")
  }
}

/// GR-S2: one layer replaced at a time in the original, each candidate matched to the teacher.
public struct ReplaceOneTrainedSelector: Selector {
  public static let name = "gr-s2"
  public static let summary = "replace one layer, match each candidate: KL on held-out text"

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try SwapScores.trained(.replace, run).expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try SwapScores.trained(.replace, run).selection(
      run, method: Self.name, unit: "nats that stay lost with the layer replaced")
  }
}

/// AVG-S2: the mean of a layer's places in the rankings of GA-S2 and GR-S2.
public struct AverageRankSelector: Selector {
  public static let name = "avg-s2"
  public static let summary = "the mean of the places that ga-s2 and gr-s2 give a layer"

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    let costs = [
      try SwapScores.trained(.restore, run).expectedCost(run), try SwapScores.trained(.replace, run).expectedCost(run),
    ]
    return SelectionCost(
      judgedTokens: costs[0].judgedTokens + costs[1].judgedTokens,
      trainedTokens: costs[0].trainedTokens + costs[1].trainedTokens)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let rankings = [
      try SwapScores.trained(.restore, run).ranking(run), try SwapScores.trained(.replace, run).ranking(run),
    ]
    let scores = run.layers.indices.map { layer in
      rankings.map { Double(run.layers.count - 1 - ($0.order.firstIndex(of: layer) ?? 0)) }.mean
    }
    return .highest(
      run.count, of: run.layers, scores: scores, method: Self.name, unit: "layers behind it, the mean of both rankings")
  }
}

extension SwapScores {
  /// With an early stop, if it is asked for.
  fileprivate func selection(_ run: SelectionRun, method: String, unit: String) throws(HybridizeError) -> Selection {
    guard run.request.stopsEarly else {
      return try ranking(run).selection(run.count, of: run.layers, method: method, unit: unit)
    }
    let (ranking, note) = try TrainingRounds(scores: self).ranking(run)
    var selection = ranking.selection(run.count, of: run.layers, method: method, unit: unit)
    selection.notes = [note]
    return selection
  }

  /// Of candidates that are matched to the teacher.
  static func trained(_ swap: Swap, _ run: SelectionRun) -> SwapScores {
    SwapScores(
      swap: swap, criterion: Criterion(isTrainingLoss: run.request.ranksByTrainingLoss), isTrained: true)
  }
}
