import HybridizeCore
import HybridizeEvaluation

/// Every set of layers, judged as a whole: what other selectors are measured against, where there are few layers.
public struct ExhaustiveSelector: Selector {
  public static let name = "exhaustive"
  public static let summary = "every set of layers: KL on text"
  private static let mostSets = 5000

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    SelectionCost(judgedTokens: try run.judgedTokens(.text, candidates: Self.sets(run).count))
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let sets = try Self.sets(run)
    let scores = try run.scores(
      sets.map { run.converted.with(.softmax, at: $0) }, near: run.converted, on: .text)
    let criterion = Criterion()
    let ranking = LayerRanking(
      1, text: scores[0].text.count, answers: 0, resamples: run.request.resamples, seed: run.request.seed
    ) { sample in scores.map { -criterion.value($0, sample) } }
    // A layer is worth what the best set without it has more than the best set with it.
    let worth = run.layers.map { layer -> Double in
      func best(_ isWith: Bool) -> Double {
        sets.indices.filter { sets[$0].contains(layer) == isWith }.map { ranking.scores[$0] }.max() ?? -.infinity
      }
      return best(true) - best(false)
    }
    let order = LayerRanking.order(worth)
    var selection = Selection(
      method: Self.name, unit: "nats that the best set with the layer has less than the best one without",
      layers: run.layers.indices.map { Selection.Layer(index: run.layers[$0], score: worth[$0], frequency: nil) },
      ranking: order.map { run.layers[$0] }, keep: sets[ranking.order[0]])
    selection.confidence = ranking.confidence
    selection.notes = ranking.order.prefix(5).map { index in
      "\(LayerList.text(sets[index])): KL \(NumberText.fixed(-ranking.scores[index], 4))"
    }
    return selection
  }

  /// Sets of as many layers as are kept, in ascending order.
  ///
  /// - Throws: `.badArgument` if they are too many to be judged.
  package static func sets(_ run: SelectionRun) throws(HybridizeError) -> [[Int]] {
    var number = 1.0
    for place in 0..<run.count { number *= Double(run.layers.count - place) / Double(place + 1) }
    guard number <= Double(mostSets) else {
      throw HybridizeError(
        .badArgument, expected: "at most \(mostSets) sets of layers to judge",
        found: "\(NumberText.brief(number)) of \(run.count) in \(run.layers.count) layers",
        remedy: "choose by \(GreedyRestoreSelector.name)")
    }
    return combinations(run.count, of: run.layers[...])
  }

  private static func combinations(_ count: Int, of layers: ArraySlice<Int>) -> [[Int]] {
    guard count > 0 else { return [[]] }
    guard count <= layers.count, let first = layers.first else { return [] }
    let rest = layers.dropFirst()
    return combinations(count - 1, of: rest).map { [first] + $0 } + combinations(count, of: rest)
  }
}
