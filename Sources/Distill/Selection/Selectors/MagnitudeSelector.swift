import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// How much of a layer's attention is left when all attention weights are pruned by one threshold (LAMP, arXiv
/// 2010.07611). It looks at weights alone: a baseline that any look at what a model does should beat.
public struct MagnitudeSelector: Selector {
  public static let name = "lamp"
  public static let summary = "the share of attention weights that pruning by size leaves: a weak baseline, no text"

  /// The share of all weights that stays.
  var share = 0.25

  public init() {}

  /// Takes four bytes for each weight of attention.
  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    var scores: [[Float]] = []
    var owners: [Int] = []
    for (place, layer) in run.layers.enumerated() {
      run.progress.report(Self.name, done: place, of: run.layers.count)
      for tensor in run.directory.layout.layers[layer].mixer where tensor.shape.rank == 2 {
        scores.append(MagnitudePruning.scores(try Self.weights(tensor.name, run)))
        owners.append(place)
      }
    }
    run.progress.report(Self.name, done: run.layers.count, of: run.layers.count)
    var left = run.layers.map { _ in 0 }
    var all = left
    for (index, survivors) in MagnitudePruning.survivors(scores, share: share).enumerated() {
      left[owners[index]] += survivors
      all[owners[index]] += scores[index].count
    }
    return .highest(
      run.count, of: run.layers, scores: zip(left, all).map { Double($0) / Double(max($1, 1)) }, method: Self.name,
      unit: "share of the layer's attention weights left where \(NumberText.brief(share)) of all are")
  }

  private static func weights(_ name: String, _ run: SelectionRun) throws(HybridizeError) -> [Float] {
    let weight = try run.backend.prepare(try run.directory.reader.tensor(named: name))
    let values = run.backend.makeTensor(rows: weight.rows, columns: weight.columns)
    run.backend.embed(Array(0..<weight.rows), weight, into: values)
    let floats = run.backend.readFloats(values)
    guard floats.allSatisfy(\.isFinite) else {
      throw HybridizeError(
        .notFinite, file: run.directory.reader.file(of: name), tensor: name, expected: "weights that are finite")
    }
    return floats
  }
}
