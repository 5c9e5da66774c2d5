import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Candidates that are matched to the teacher before they are judged.
extension SelectionRun {
  /// The scores of candidates after a match, each on the same batches in the same order; from the ledger where they are there.
  ///
  /// - Parameter steps: after as many of the match; after all unless given. Then the training waits in the run's folder to go on.
  /// - Throws: what converting, training and judging throw.
  func trainedScores(_ candidates: [Composition], steps: Int? = nil) throws(HybridizeError) -> [CandidateScores] {
    var scores: [CandidateScores] = []
    for (index, candidate) in candidates.enumerated() {
      progress.report("train candidates", done: index, of: candidates.count, detail: candidate.name)
      let key = trainedKey(candidate, steps: steps)
      if let found = ledger[key] {
        scores.append(found)
        continue
      }
      let found = try train(candidate, steps: steps)
      try ledger.add(found, under: key)
      scores.append(found)
    }
    progress.report("train candidates", done: candidates.count, of: candidates.count)
    return scores
  }

  /// What the scores of a trained candidate are kept under.
  func trainedKey(_ candidate: Composition, steps: Int? = nil) -> CandidateLedger.Key {
    let settings = matchSettings
    guard let steps, steps < settings.steps else {
      return CandidateLedger.Key(candidate, tokens: request.tokens)
    }
    return CandidateLedger.Key(candidate, tokens: steps * settings.batch * settings.length, of: request.tokens)
  }

  private func train(_ candidate: Composition, steps: Int?) throws(HybridizeError) -> CandidateScores {
    let folder = FileSystem.join(try scratchPath(), candidate.name)
    let path = FileSystem.join(folder, "student")
    try FileSystem.makeDirectory(folder)
    if !FileSystem.exists(path) {
      _ = try Conversion(
        ConversionRequest(
          source: request.model, keep: .layers(candidate.kept), elementType: .float32, mixersFrom: try studentPath()),
        methods: ConversionMethods(catalog: request.catalog)
      ).write(to: path, threads: backend.threads)
    }
    let student = try TrainableModel(
      ModelDirectory(path, catalog: request.catalog), training: .everything, on: backend)
    let texts = try trainingTexts()
    let training = FileSystem.join(folder, "training")
    let trainer = try Trainer(
      try MatchObjective(teacher: try teacher, student: student, options: StageOptions()), settings: matchSettings,
      source: texts.source, heldOut: [], in: training, fingerprint: texts.fingerprint, saving: .never,
      progress: progress)
    let outcome = try trainer.run(resuming: FileSystem.exists(training), until: steps)
    if outcome.end != .paused { DirectoryTree.remove(folder) }
    trainedTokens += outcome.tokens - (outcome.resumedAt ?? 0) * matchSettings.batch * matchSettings.length
    let judge = try judge()
    return CandidateScores(
      text: try judge.judge(student.model, on: text(), countsHits: true),
      answers: try judge.judge(student.model, on: answers(), countsHits: true),
      trainingLoss: outcome.history.steps.suffix(10).map(\.loss).mean)
  }
}

/// Trains all candidates side by side, a part of the match at a time, and stops when the chosen layers no longer change: the
/// paper finds its set after 25 to 42 % of the tokens.
struct TrainingRounds {
  let scores: SwapScores

  /// Parts of a match.
  private static let rounds = 8
  /// Rounds in a row that have to choose the same.
  private static let agreeing = 3

  /// - Returns: the ranking of the last round, and what it took, in words.
  func ranking(_ run: SelectionRun) throws(HybridizeError) -> (ranking: LayerRanking, note: String) {
    let steps = run.matchSettings.steps
    var sets: [Set<Int>] = []
    for round in 1...Self.rounds {
      let done = max(1, steps * round / Self.rounds)
      let ranking = try scores.trainedRanking(run, steps: done)
      sets.append(Set(ranking.order.prefix(run.count)))
      let isStable = sets.count >= Self.agreeing && Set(sets.suffix(Self.agreeing)).count == 1
      if isStable || round == Self.rounds {
        let share = NumberText.fixed(100 * Double(done) / Double(steps), 0)
        return (ranking, "stopped after \(share) % of each match" + (isStable ? ", the same layers three times" : ""))
      }
    }
    preconditionFailure("the last round returns")
  }
}
