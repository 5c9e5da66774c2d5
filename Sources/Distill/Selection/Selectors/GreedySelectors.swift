import HybridizeCore

/// One layer after the other, all that are left scored anew after each: restored into the all-linear model until enough are,
/// or replaced in the original until no more than enough are left. What one layer is worth depends on which others
/// are there.
struct GreedySearch {
  let swap: Swap

  private func picks(_ run: SelectionRun) -> Int { swap == .restore ? run.count : run.layers.count - run.count }

  func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    let rounds = picks(run)
    guard rounds > 0 else { return SelectionCost() }
    let candidates = rounds * run.layers.count - rounds * (rounds - 1) / 2
    return SelectionCost(judgedTokens: try run.judgedTokens(.text, candidates: candidates + 1, together: rounds))
  }

  func select(_ run: SelectionRun, method: String, unit: String) throws(HybridizeError) -> Selection {
    var base = swap.base(run)
    var left = run.layers
    var steps: [Selection.Step] = []
    var lastScores: [Int: Double] = [:]
    let rounds = picks(run)
    for round in 0..<rounds {
      run.progress.report(method, done: round, of: rounds)
      let ranking = try ranking(left, base, run)
      for (layer, score) in zip(left, ranking.scores) { lastScores[layer] = swap == .restore ? score : -score }
      let best = left[ranking.order[0]]
      steps.append(
        Selection.Step(
          layer: best, score: lastScores[best] ?? 0, confidence: ranking.confidence,
          runnerUp: ranking.order.count > 1 ? left[ranking.order[1]] : nil))
      base = swap.candidate(best, from: base)
      left.removeAll { $0 == best }
    }
    if rounds > 0 { run.progress.report(method, done: rounds, of: rounds) }
    let taken = steps.map(\.layer)
    let rest = left.sorted { (lastScores[$0] ?? 0, $1) > (lastScores[$1] ?? 0, $0) }
    // Layers are given up with the one of least worth first.
    let order = swap == .restore ? taken + rest : rest + taken.reversed()
    var selection = Selection(
      method: method, unit: unit,
      layers: run.layers.map { Selection.Layer(index: $0, score: lastScores[$0] ?? 0, frequency: nil) },
      ranking: order, keep: order.prefix(run.count).sorted())
    selection.steps = steps
    return selection
  }

  /// The layer to take next is the first.
  private func ranking(
    _ left: [Int], _ base: Composition, _ run: SelectionRun
  ) throws(HybridizeError) -> LayerRanking {
    let candidates = left.map { swap.candidate($0, from: base) }
    let scores = try run.scores([base] + candidates, near: base, on: .text)
    let criterion = Criterion()
    return LayerRanking(
      1, text: scores[0].text.count, answers: 0, resamples: run.request.resamples, seed: run.request.seed
    ) { sample in
      let reference = criterion.value(scores[0], sample)
      return scores.dropFirst().map { score in
        let worth = swap.score(criterion.value(score, sample), base: reference)
        return swap == .restore ? worth : -worth
      }
    }
  }
}

/// Restores the layer that gains the most, then the one that gains the most beside it, and so on.
public struct GreedyRestoreSelector: Selector {
  public static let name = "greedy-ga"
  public static let summary = "ga-s1 scored anew after each layer that is restored"
  private static let search = GreedySearch(swap: .restore)

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.search.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try Self.search.select(
      run, method: Self.name, unit: "nats gained on text where the layer is restored beside those chosen before")
  }
}

/// Replaces the layer that costs the least, then the one that costs the least beside it, until enough are left.
public struct GreedyReplaceSelector: Selector {
  public static let name = "greedy-gr"
  public static let summary = "gr-s1 scored anew after each layer that is replaced"
  private static let search = GreedySearch(swap: .replace)

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.search.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    try Self.search.select(
      run, method: Self.name, unit: "nats lost on text where the layer is replaced beside those given up before")
  }
}
