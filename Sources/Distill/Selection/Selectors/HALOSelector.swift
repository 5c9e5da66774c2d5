import HybridizeCore

/// HALO's ratio (arXiv 2601.22156): what replacing a layer costs in recall, over what it costs in common tasks:
/// `(max R - R_i) / (max C - C_i + 1e-6)`. There R are scores of extraction tasks and C of common sense; here R is recall of
/// numbers from phone books and C the share of next tokens of a text that are the most likely ones.
public struct HALOSelector: Selector {
  public static let name = "halo"
  public static let summary = "replace one layer: recall lost over next-token accuracy lost (HALO)"
  private static let epsilon = 1e-6

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    SelectionCost(judgedTokens: try run.judgedTokens(.textAndAnswers, candidates: run.layers.count))
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let candidates = run.layers.map { run.original.with(.linear, at: $0) }
    let scores = try run.scores(candidates, near: run.original, on: .textAndAnswers)
    guard let first = scores.first else {
      return .highest(run.count, of: [], scores: [], method: Self.name, unit: "ratio of losses")
    }
    let ranking = LayerRanking(
      run.count, text: first.text.count, answers: first.answers.count, resamples: run.request.resamples,
      seed: run.request.seed
    ) { sample in
      let recall = scores.map { HitShare.of($0.answers, sample.answers) }
      let common = scores.map { HitShare.of($0.text, sample.text) }
      let (mostRecall, mostCommon) = (recall.max() ?? 0, common.max() ?? 0)
      return zip(recall, common).map { (mostRecall - $0) / (mostCommon - $1 + Self.epsilon) }
    }
    return ranking.selection(
      run.count, of: run.layers, method: Self.name, unit: "recall lost over accuracy on text lost")
  }
}
