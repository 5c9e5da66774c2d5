import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation

/// How much of the original's attention lies neither on recent tokens nor on the first ones, as what LightTransfer (arXiv
/// 2410.13846) calls lazy layers have little there. It asks where attention looks, not what is lost where it does not.
public struct AttentionSelector: Selector {
  public static let name = "attention"
  public static let summary = "where attention looks: its share beyond recent and first tokens"

  /// Recent tokens, at most: a quarter of a sequence is never exceeded.
  var mostRecent = 64
  var sinks = 4

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    SelectionCost(judgedTokens: try run.judgedTokens(.text, candidates: 0))
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let texts = try run.text()
    let longest = texts.map(\.ids.count).max() ?? 0
    let window = AttentionWindow(size: max(1, min(mostRecent, longest / 4)), sinks: sinks)
    guard longest > window.size + sinks else {
      throw HybridizeError(
        .badArgument, expected: "sequences of more than \(window.size + sinks) tokens", found: "\(longest)")
    }
    let sums = try measure(texts, window, run)
    let once = texts.map { _ in 1.0 }
    var selection = LayerRanking(
      run.count, text: texts.count, answers: 0, resamples: run.request.resamples, seed: run.request.seed
    ) { sample in
      sums.map { $0.mean(\.outside, sample.text) }
    }.selection(
      run.count, of: run.layers, method: Self.name,
      unit: "share of attention beyond the \(window.size) most recent and the first \(sinks) tokens")
    selection.details = [
      Selection.Detail(name: "distance", unit: "tokens", values: sums.map { $0.mean(\.distance, once) }),
      Selection.Detail(name: "entropy", unit: "nats", values: sums.map { $0.mean(\.entropy, once) }),
    ]
    selection.notes = ["queries before token \(window.size + sinks) of a sequence do not count: all they see is near"]
    return selection
  }

  /// The sums of every layer for every sequence.
  private func measure(
    _ texts: [JudgedSequence], _ window: AttentionWindow, _ run: SelectionRun
  ) throws(HybridizeError) -> [[AttentionSums]] {
    let pool = try ThreadPool(threads: run.backend.threads)
    var sums = run.layers.map { _ in texts.map { _ in AttentionSums() } }
    func report(_ done: Int) { run.progress.report(Self.name, done: done, of: texts.count) }
    try AttentionReader(try run.teacher, layers: run.layers).read(
      texts, progress: report
    ) { layer, first, inputs in
      let heads = inputs.shape.heads
      let found = pool.map(inputs.sequences.count * heads) { item in
        AttentionSums(inputs, rows: inputs.sequences[item / heads], head: item % heads, window: window)
      }
      // In order, so that the sums are the same for any number of threads.
      for (item, part) in found.enumerated() { sums[layer][first + item / heads] += part }
    }
    run.readTokens += texts.tokenCount
    return sums
  }
}
