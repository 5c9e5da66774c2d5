import HybridizeCore
import HybridizeRuntime

/// Layers at even distances, beginning with the first: the baseline that every other selector has to beat.
public struct UniformSelector: Selector {
  public static let name = "uniform"

  public init() {}

  public func select(_ count: Int, of model: ModelConfiguration) throws(HybridizeError) -> [Int] {
    let layers = model.keptLayers
    precondition((0...layers.count).contains(count), "\(count) of \(layers.count) layers")
    return (0..<count).map { layers[$0 * layers.count / count] }
  }
}
