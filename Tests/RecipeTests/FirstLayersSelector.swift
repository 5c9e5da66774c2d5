import HybridizeCore
import HybridizeDistill

/// Keeps the first layers.
struct FirstLayersSelector: Selector {
  static let name = "first"
  static let summary = "the first layers"

  func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    Selection(
      method: Self.name, unit: "minus its place",
      layers: run.layers.map { Selection.Layer(index: $0, score: -Double($0), frequency: nil) }, ranking: run.layers,
      keep: Array(run.layers.prefix(run.count)))
  }
}
