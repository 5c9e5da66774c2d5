import HybridizeCore

/// The teacher with nothing in the place of one layer's attention, the usual way to ask what a layer does. It finds what a
/// model cannot be without, which is not what linear attention cannot do: most such scores put the first layers in front.
struct Ablation {
  let criterion: Criterion

  func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    SelectionCost(judgedTokens: try run.judgedTokens(.text, candidates: run.layers.count + 1))
  }

  func ranking(_ run: SelectionRun) throws(HybridizeError) -> LayerRanking {
    let scores = try Self.scores(run, on: .text)
    return LayerRanking(
      run.count, text: scores[0].text.count, answers: 0, resamples: run.request.resamples, seed: run.request.seed
    ) { sample in
      let reference = criterion.value(scores[0], sample)
      return scores.dropFirst().map { criterion.value($0, sample) - reference }
    }
  }

  /// Of the original, and of it without each layer's attention.
  static func scores(
    _ run: SelectionRun, on material: SelectionRun.Material
  ) throws(HybridizeError) -> [CandidateScores] {
    let candidates = run.layers.map { run.original.with(.none, at: $0) }
    return try run.scores([run.original] + candidates, near: run.original, on: material)
  }
}

/// Ablation judged by the likelihood of text.
public struct AblationPerplexitySelector: Selector {
  public static let name = "zero-ppl"
  public static let summary = "one layer's attention switched off: loss on text"
  private static let ablation = Ablation(criterion: Criterion(quantity: .loss))

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.ablation.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try Self.ablation.ranking(run).selection(
      run.count, of: run.layers, method: Self.name, unit: "nats of loss where the layer's attention is switched off")
  }
}

/// Ablation judged by what the head gets.
public struct AblationErrorSelector: Selector {
  public static let name = "zero-mse"
  public static let summary = "one layer's attention switched off: mean square change of what the head gets"
  private static let ablation = Ablation(criterion: Criterion(quantity: .error))

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.ablation.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try Self.ablation.ranking(run).selection(
      run.count, of: run.layers, method: Self.name,
      unit: "mean square change of what the head gets where the layer's attention is switched off")
  }
}
