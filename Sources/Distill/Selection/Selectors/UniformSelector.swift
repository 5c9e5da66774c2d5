import HybridizeCore
import HybridizeEvaluation

/// Layers at even distances, beginning with the first: the baseline that every other selector has to beat.
public struct UniformSelector: Selector {
  public static let name = "uniform"
  public static let summary = "layers at even distances, beginning with the first"

  public init() {}

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    .listed((0..<run.count).map { run.layers[$0 * run.layers.count / run.count] }, of: run, method: Self.name)
  }
}

/// Layers at even distances, the first and the last among them, as some published hybrids have it.
public struct TerminalSelector: Selector {
  public static let name = "terminals"
  public static let summary = "layers at even distances, the first and the last among them"

  public init() {}

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let last = run.layers.count - 1
    let gaps = max(run.count - 1, 1)
    return .listed(
      (0..<run.count).map { run.layers[($0 * last + gaps / 2) / gaps] }, of: run, method: Self.name)
  }
}

/// Layers that somebody names.
public struct GivenSelector: Selector {
  public static let name = "given"
  public static let summary = "the layers of --list"

  public init() {}

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let given = run.request.given
    guard Set(given).count == run.count, given.count == run.count, Set(given).isSubset(of: run.layers) else {
      throw HybridizeError(
        .badArgument, expected: "\(run.count) different layers of \(LayerList.text(run.layers))",
        found: given.isEmpty ? "none" : LayerList.text(given), remedy: "name them with --list")
    }
    return .listed(given, of: run, method: Self.name)
  }
}

extension Selection {
  /// Layers that no measurement has chosen.
  static func listed(_ keep: [Int], of run: SelectionRun, method: String) -> Selection {
    let chosen = Set(keep)
    return Selection(
      method: method, unit: "chosen or not",
      layers: run.layers.map { Layer(index: $0, score: chosen.contains($0) ? 1 : 0, frequency: nil) },
      ranking: keep + run.layers.filter { !chosen.contains($0) }, keep: keep.sorted())
  }
}
