import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

extension SelectionRun {
  /// What candidates are judged on.
  package enum Material: Sendable {
    case text
    case textAndAnswers
  }

  /// All layers the teacher's.
  package var original: Composition { Composition(.softmax, layers: directory.configuration.layerCount) }
  /// All softmax layers converted.
  package var converted: Composition { original.with(.linear, at: layers) }

  /// The candidates that this run is to measure: all, or those of some layers only.
  func share(_ candidates: [Int]) -> [Int] {
    guard let part = request.layers else { return candidates }
    return candidates.filter(part.contains)
  }

  /// The scores of candidates as they are, in order; from the ledger where they are there.
  ///
  /// - Parameter base: what candidates differ little from.
  /// - Throws: what loading, reading text and running models throw.
  package func scores(
    _ candidates: [Composition], near base: Composition, on material: Material
  ) throws(HybridizeError) -> [CandidateScores] {
    func isMissing(_ candidate: Composition) -> Bool {
      guard let found = ledger[CandidateLedger.Key(candidate, tokens: 0)] else { return true }
      return material == .textAndAnswers && found.answers.isEmpty
    }
    let missing = candidates.filter(isMissing)
    if !missing.isEmpty {
      let judge = try judge()
      let texts = try text()
      let prompts = try material == .textAndAnswers ? answers() : []
      func report(_ done: Int) {
        progress.report(
          "judge \(missing.count) candidates", done: done, of: texts.count + prompts.count)
      }
      // What was judged on text alone before is judged at answers alone now.
      let unread = missing.filter { ledger[CandidateLedger.Key($0, tokens: 0)] == nil }
      let onText = try judge.judge(unread, near: base, on: texts, countsHits: true, progress: report)
      let onAnswers = try judge.judge(missing, near: base, on: prompts, countsHits: true) { report(texts.count + $0) }
      var read = zip(unread, onText).reduce(into: [:]) { $0[$1.0] = $1.1 }
      for candidate in missing where read[candidate] == nil {
        read[candidate] = ledger[CandidateLedger.Key(candidate, tokens: 0)]?.text
      }
      for (candidate, answers) in zip(missing, onAnswers) {
        try ledger.add(
          CandidateScores(text: read[candidate] ?? [], answers: answers),
          under: CandidateLedger.Key(candidate, tokens: 0))
      }
    }
    return candidates.map { candidate in
      guard let found = ledger[CandidateLedger.Key(candidate, tokens: 0)] else {
        preconditionFailure("measured above")
      }
      return found
    }
  }

  /// Tokens that go through a model, before any has: what is judged on, once for each candidate and once for the teacher each
  /// time that some are judged together. A text may turn out to be shorter.
  func judgedTokens(
    _ material: Material, candidates: Int, together times: Int = 1
  ) throws(HybridizeError) -> Int {
    try checkTexts()
    var tokens = request.texts.reduce(0) { $0 + sequences(ofShare: $1.share) } * request.length
    if material == .textAndAnswers { tokens += try answers().tokenCount }
    return (candidates + times) * tokens
  }
}
