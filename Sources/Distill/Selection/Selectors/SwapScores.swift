import HybridizeCore
import HybridizeEvaluation

/// One layer exchanged: the two families of candidates that selectors of the paper compare.
enum Swap: Sendable {
  /// The teacher's attention in one layer of the model that is all linear: what is gained.
  case restore
  /// Linear attention in one layer of the teacher: what is lost.
  case replace

  func base(_ run: SelectionRun) -> Composition { self == .restore ? run.converted : run.original }

  func candidate(_ layer: Int, from base: Composition) -> Composition {
    base.with(self == .restore ? .softmax : .linear, at: layer)
  }

  /// The higher, the more a layer is worth keeping.
  func score(_ value: Double, base: Double) -> Double { self == .restore ? base - value : value - base }
}

/// Ranks layers by one exchanged at a time.
struct SwapScores {
  let swap: Swap
  var criterion = Criterion()
  /// Candidates are matched to the teacher before they are judged.
  var isTrained = false

  private func material() -> SelectionRun.Material { criterion.answerWeight > 0 ? .textAndAnswers : .text }

  func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    let layers = run.layers.count
    guard isTrained else {
      return SelectionCost(judgedTokens: try run.judgedTokens(material(), candidates: layers + 1))
    }
    return SelectionCost(
      judgedTokens: try run.judgedTokens(.textAndAnswers, candidates: layers, together: layers),
      trainedTokens: layers * run.tokensACandidate)
  }

  /// - Throws: `.incompleteSelection` after having measured some layers where only these were asked for.
  func ranking(_ run: SelectionRun) throws(HybridizeError) -> LayerRanking {
    guard !isTrained else { return try trainedRanking(run, steps: nil) }
    let base = swap.base(run)
    let mine = run.share(run.layers).map { swap.candidate($0, from: base) }
    _ = try run.scores([base] + mine, near: base, on: material())
    try checkAll(run) { CandidateLedger.Key($0, tokens: 0) }
    let reference = try run.scores([base], near: base, on: material())[0]
    return ranking(
      run, try run.scores(run.layers.map { swap.candidate($0, from: base) }, near: base, on: material())
    ) { criterion.value(reference, $0) }
  }

  /// The ranking after so many steps of every candidate's match; after all unless given.
  func trainedRanking(_ run: SelectionRun, steps: Int?) throws(HybridizeError) -> LayerRanking {
    let base = swap.base(run)
    _ = try run.trainedScores(run.share(run.layers).map { swap.candidate($0, from: base) }, steps: steps)
    try checkAll(run) { run.trainedKey($0, steps: steps) }
    let scores = try run.trainedScores(run.layers.map { swap.candidate($0, from: base) }, steps: steps)
    // After training no candidate is the base. The original loses nothing; restored layers are compared with the one that
    // gains the least.
    let each = Resample(text: scores.first?.text.count ?? 0, answers: scores.first?.answers.count ?? 0)
    let worst = swap == .restore ? scores.map { criterion.value($0, each) }.max() ?? 0 : 0
    return ranking(run, scores) { _ in worst }
  }

  private func ranking(
    _ run: SelectionRun, _ scores: [CandidateScores], base: (Resample) -> Double
  ) -> LayerRanking {
    LayerRanking(
      run.count, text: scores.first?.text.count ?? 0,
      answers: criterion.answerWeight > 0 ? scores.first?.answers.count ?? 0 : 0, resamples: run.request.resamples,
      seed: run.request.seed
    ) { sample in
      let reference = base(sample)
      return scores.map { swap.score(criterion.value($0, sample), base: reference) }
    }
  }

  /// Other jobs may have to measure the rest.
  private func checkAll(
    _ run: SelectionRun, key: (Composition) -> CandidateLedger.Key
  ) throws(HybridizeError) {
    let missing = run.layers.filter { run.ledger[key(swap.candidate($0, from: swap.base(run)))] == nil }
    guard missing.isEmpty else {
      throw HybridizeError(
        .incompleteSelection, expected: "measurements of layers \(LayerList.text(run.layers))",
        found: "none of \(LayerList.text(missing))", remedy: "measure the others too, then --merge their files")
    }
  }
}

extension Problem {
  public static let incompleteSelection = Problem(
    "incompleteSelection", .checkFailed, "not all layers have been measured yet")
}
