import HybridizeCore

/// SMART, after Zebra-Llama (arXiv 2505.17272): a layer's sensitivity is what restoring it gains in the model that is all
/// linear; of layouts that are nearly even, ends among them, the one with the largest sum is kept.
///
/// Its code is not published. Here the even places run from the first to the last layer, and each goes to the most sensitive
/// layer within half a gap of it; the published sets look so.
public struct SMARTSelector: Selector {
  public static let name = "smart"
  public static let summary = "the layer most worth restoring near each of even places (SMART)"
  private static let scores = SwapScores(swap: .restore)

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    try Self.scores.expectedCost(run)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let ranking = try Self.scores.ranking(run)
    let keep = Self.layout(run.count, ranking.scores)
    let chosen = Set(keep)
    let order = ranking.order.filter(chosen.contains) + ranking.order.filter { !chosen.contains($0) }
    return Selection(
      method: Self.name, unit: "nats gained on text where the layer is restored",
      layers: run.layers.indices.map {
        Selection.Layer(index: run.layers[$0], score: ranking.scores[$0], frequency: nil)
      },
      ranking: order.map { run.layers[$0] }, keep: keep.map { run.layers[$0] })
  }

  /// One layer for each place, ascending.
  ///
  /// - Precondition: no more places than scores.
  package static func layout(_ count: Int, _ scores: [Double]) -> [Int] {
    guard count > 1 else { return Array(LayerRanking.order(scores).prefix(count)) }
    let gap = Double(scores.count - 1) / Double(count - 1)
    return (0..<count).map { place in
      let middle = Double(place) * gap
      // Half-open, so that no layer is near two places.
      let near = scores.indices.filter { Double($0) >= middle - gap / 2 && Double($0) < middle + gap / 2 }
      return near[LayerRanking.order(near.map { scores[$0] })[0]]
    }
  }
}
