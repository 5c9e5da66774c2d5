import HybridizeCompute
import HybridizeDistill
import HybridizeRuntime
import Testing

/// What every `Selector` must do: choose as many different softmax layers as are asked for, in ascending order, rank all of
/// them with the chosen ones in front, give each a score that is a number, take what it said it would, and do the same when
/// it is asked again.
///
/// - Parameter counts: of layers to keep; none, one and all unless given.
package func checkSelector(
  _ selector: any Selector, on request: SelectionRequest, counts: [Int]? = nil, backend: any Backend,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let layers = try ModelDirectory.readConfiguration(in: request.model).keptLayers
  for count in counts ?? [0, 1, layers.count] {
    var request = request
    request.keep = count
    func selection() throws -> (Selection, expected: SelectionCost, taken: SelectionCost) {
      let run = try SelectionRun(request, on: backend, progress: .silent)
      let expected = try selector.expectedCost(run)
      return (try selector.select(run), expected, run.cost)
    }
    let (found, expected, taken) = try selection()
    let name = "\(type(of: selector).name) of \(count)"
    #expect(
      expected.judgedTokens == taken.judgedTokens && expected.trainedTokens == taken.trainedTokens,
      "\(name) takes \(taken), not \(expected)", sourceLocation: sourceLocation)
    #expect(found.keep.count == count, "\(name)", sourceLocation: sourceLocation)
    #expect(zip(found.keep, found.keep.dropFirst()).allSatisfy(<), "\(name)", sourceLocation: sourceLocation)
    #expect(found.ranking.sorted() == layers, "\(name)", sourceLocation: sourceLocation)
    #expect(found.layers.map(\.index) == layers, "\(name)", sourceLocation: sourceLocation)
    #expect(found.layers.allSatisfy { $0.score.isFinite }, "\(name)", sourceLocation: sourceLocation)
    #expect(try selection().0 == found, "\(name) is another the second time", sourceLocation: sourceLocation)
  }
}
