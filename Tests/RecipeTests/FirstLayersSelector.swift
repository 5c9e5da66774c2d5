import HybridizeConvert
import HybridizeCore
import HybridizeRuntime

/// Keeps the first layers.
struct FirstLayersSelector: Selector {
  static let name = "first"

  func select(_ count: Int, of model: ModelConfiguration) throws(HybridizeError) -> [Int] {
    Array(model.keptLayers.prefix(count))
  }
}
