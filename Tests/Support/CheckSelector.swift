import HybridizeConvert
import HybridizeRuntime
import Testing

/// What every `Selector` must do: for each possible number choose that many different softmax layers, in ascending
/// order, and the same ones when it is asked again.
package func checkSelector(
  _ selector: any Selector, on model: ModelConfiguration, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  for count in 0...model.keptLayers.count {
    let layers = try selector.select(count, of: model)
    #expect(layers.count == count, sourceLocation: sourceLocation)
    #expect(zip(layers, layers.dropFirst()).allSatisfy { $0 < $1 }, "\(layers)", sourceLocation: sourceLocation)
    #expect(Set(layers).isSubset(of: model.keptLayers), "\(layers)", sourceLocation: sourceLocation)
    #expect(try selector.select(count, of: model) == layers, sourceLocation: sourceLocation)
  }
}
