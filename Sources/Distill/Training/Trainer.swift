import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Trains a stage: batch, gradient, step, over and over, with a look at held-out text now and then. The state is on disk
/// all the while, and a training that is interrupted at any moment goes on to the same bits.
package final class Trainer {
  /// How often the state is written.
  package enum Saving: Sendable {
    case everySeconds(Double)
    case everySteps(Int)
    /// For trainings that are sooner done again than gone on with.
    case never
  }

  private let objective: any TrainingObjective
  private let settings: TrainingSettings
  private let source: any BatchSource
  private let heldOut: [TokenBatch]
  private let files: TrainingFiles
  private let saving: Saving
  private let progress: Progress
  private let clock: () -> Double

  private var state: TrainingState
  /// Seconds of earlier runs, less the clock's when this one began.
  private var timeOffset = 0.0
  private var lastSaved = 0.0
  private var pace = TrainingPace()

  /// - Parameters:
  ///   - heldOut: what the loss is watched on; empty to watch nothing and keep the last parameters.
  ///   - directory: where the training lives; made if it is not there.
  ///   - fingerprint: of all that decides the outcome beside settings: teacher, student, texts.
  ///   - clock: seconds since some moment.
  /// - Throws: `.badArgument` for settings that cannot be, `.outputBusy`, `.cannotWrite`.
  package init(
    _ objective: any TrainingObjective, settings: TrainingSettings, source: any BatchSource, heldOut: [TokenBatch],
    in directory: String, fingerprint: String, saving: Saving = .everySeconds(300), progress: Progress = .silent,
    clock: @escaping () -> Double = Trainer.monotonicClock()
  ) throws(HybridizeError) {
    self.objective = objective
    self.settings = try settings.checked()
    self.source = source
    self.heldOut = heldOut
    self.saving = saving
    self.progress = progress
    self.clock = clock
    files = try TrainingFiles(directory, settings: settings, fingerprint: fingerprint)
    state = TrainingState(
      Optimizer(objective.parameters, on: objective.backend, settings: settings), keepsBest: !heldOut.isEmpty)
  }

  /// Trains to the end, and leaves the parameters with the lowest held-out loss.
  ///
  /// - Parameters:
  ///   - resuming: goes on with what is saved in the directory, if anything is.
  ///   - pause: does no more than so many steps in all, and saves its state.
  /// - Throws: `.trainingExists` for a directory with a training unless it is resumed; `.otherTraining`,
  ///   `.damagedTraining`; `.trainingDiverged`, after which the last state that was sound is on disk; `.cannotWrite`; what
  ///   the objective and the source throw.
  package func run(resuming: Bool = false, until pause: Int? = nil) throws(HybridizeError) -> TrainingOutcome {
    let resumedAt = try begin(resuming: resuming)
    do throws(HybridizeError) {
      while !isOver, state.history.steps.count < pause ?? .max {
        try step()
        let number = state.history.steps.count
        if number % settings.evaluationInterval == 0 || number == settings.steps { try evaluate() }
        if isSavingDue { try save() }
        report()
      }
    } catch {
      // Whoever draws a bar must know that it moves no further.
      progress.report(settings.stage.rawValue, done: state.history.steps.count, of: settings.steps, isLast: true)
      throw error
    }
    guard isOver else {
      try save()
      return TrainingOutcome(
        stage: settings.stage, end: .paused, resumedAt: resumedAt, history: state.history)
    }
    state.restoreBest()
    return TrainingOutcome(
      stage: settings.stage, end: state.history.steps.count < settings.steps ? .plateau : .finished,
      resumedAt: resumedAt, history: state.history)
  }

  private var isOver: Bool {
    state.history.steps.count >= settings.steps || settings.plateau.map(state.history.hasReached) ?? false
  }

  // MARK: Beginning

  /// - Returns: the step after which a saved training goes on.
  private func begin(resuming: Bool) throws(HybridizeError) -> Int? {
    let path = files.checkpoint.path
    let isSaved = FileSystem.isOccupied(path)
    guard resuming || !isSaved else {
      throw HybridizeError(.trainingExists, file: path, remedy: "resume it, or remove the file to train anew")
    }
    if isSaved { try files.checkpoint.read(into: &state) }
    timeOffset = state.history.seconds - clock()
    lastSaved = seconds
    pace = TrainingPace(tokens: state.history.tokens, steps: state.history.steps.count, seconds: seconds)
    try files.begin(state.history)
    if isSaved { return state.history.steps.count }
    // The loss before the first step shows what the training gains, and a disk without room shows at once.
    try evaluate()
    if !isUnsaved { try save() }
    return nil
  }

  /// Since the beginning of the training, the time between two runs left out.
  private var seconds: Double { clock() + timeOffset }

  package static func monotonicClock() -> () -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    return { (clock.now - start).inSeconds }
  }

  // MARK: A step

  private func step() throws(HybridizeError) {
    let number = state.history.steps.count
    let batch = try source.batch(number)
    state.optimizer.zeroGradients()
    var losses = LossSum()
    for part in batch.microBatches(of: settings.microBatchTokens) {
      losses.add(try objective.accumulate(part, scale: 1 / Double(batch.tokenCount)))
    }
    guard losses.count > 0 else { throw HybridizeError(.nothingToLearn, found: "the batch of step \(number + 1)") }
    // Some tokens have no loss, as the last of a text has none after it: the mean is over those that have.
    let meanScale = Double(batch.tokenCount) / Double(losses.count)
    let norm = state.optimizer.gradientNorm * meanScale
    guard losses.mean.isFinite, norm.isFinite else {
      throw diverged(at: number + 1, loss: losses.mean, hasGradient: true)
    }

    let share = settings.schedule.share(step: number, of: settings.steps)
    state.history.add(
      TrainingHistory.Step(
        tokens: state.history.tokens + batch.tokenCount, loss: losses.mean, norm: norm,
        rate: settings.mixerRate * share, seconds: seconds))
    if let step = state.history.steps.last { try files.append(step.json(number + 1)) }
    if let explosion = settings.explosion, state.history.tooLongGradients(explosion) >= explosion.steps {
      throw exploded(explosion)
    }
    let clipping = settings.clip.map { norm > $0 ? $0 / norm : 1 } ?? 1
    state.optimizer.step(number, rateShare: share, gradientScale: meanScale * clipping)
  }

  // MARK: Looking and saving

  private func evaluate() throws(HybridizeError) {
    guard !heldOut.isEmpty else { return }
    var losses = LossSum()
    for batch in heldOut {
      for part in batch.microBatches(of: settings.microBatchTokens) { losses.add(try objective.loss(part)) }
    }
    guard losses.count > 0 else { throw HybridizeError(.nothingToLearn, found: "the held-out text") }
    let number = state.history.steps.count
    guard losses.mean.isFinite else { throw diverged(at: number, loss: losses.mean) }
    let isBest = losses.mean < state.history.best?.loss ?? .infinity
    let evaluation = TrainingHistory.Evaluation(step: number, loss: losses.mean, seconds: seconds)
    state.history.add(evaluation)
    if isBest { state.keepBest() }
    try files.append(evaluation.json)
  }

  private var isUnsaved: Bool {
    if case .never = saving { true } else { false }
  }

  /// At the end, and now and then, but not while gradients are too long: what is on disk is to be a state that was sound.
  private var isSavingDue: Bool {
    if isOver { return !isUnsaved }
    if let explosion = settings.explosion, state.history.tooLongGradients(explosion) > 0 { return false }
    switch saving {
    case .everySeconds(let interval): return seconds - lastSaved >= interval
    case .everySteps(let interval): return state.history.steps.count % interval == 0
    case .never: return false
    }
  }

  private func save() throws(HybridizeError) {
    if notFinite(\.values) != nil { throw diverged(at: state.history.steps.count, loss: state.history.recentLoss) }
    try files.save(state)
    lastSaved = seconds
  }

  private func report() {
    progress.report(
      settings.stage.rawValue, done: state.history.steps.count, of: settings.steps,
      detail: pace.text(state.history, steps: settings.steps, seconds: seconds), isLast: isOver)
  }

  // MARK: Divergence

  /// The first parameter of which something is no number.
  private func notFinite(_ tensor: (TrainableParameter) -> Tensor) -> String? {
    state.parameters.first { !objective.backend.sumOfSquares(tensor($0)).isFinite }?.name
  }

  private func diverged(at step: Int, loss: Double?, hasGradient: Bool = false) -> HybridizeError {
    let loss = "loss \(NumberText.short(loss ?? .nan))"
    if let name = notFinite(\.values) {
      return divergence(at: step, tensor: name, "parameters that are no numbers, \(loss)")
    }
    if hasGradient, let name = notFinite(\.gradient) {
      return divergence(at: step, tensor: name, "a gradient that is no number, \(loss)")
    }
    return divergence(at: step, tensor: nil, loss)
  }

  /// Names the parameter whose gradient is the longest, as the one to look at first.
  private func exploded(_ explosion: TrainingSettings.Explosion) -> HybridizeError {
    let lengths = state.parameters.map { (name: $0.name, length: objective.backend.sumOfSquares($0.gradient)) }
    return divergence(
      at: state.history.steps.count, tensor: lengths.max { $0.length < $1.length }?.name,
      "\(explosion.steps) gradients in a row more than \(NumberText.brief(explosion.factor)) times as long as the usual "
        + "one before, the last of length \(NumberText.short(state.history.steps.last?.norm ?? .nan))")
  }

  private func divergence(at step: Int, tensor: String?, _ found: String) -> HybridizeError {
    HybridizeError(
      .trainingDiverged, file: files.checkpoint.path, tensor: tensor, found: "at step \(step): \(found)",
      remedy: "train anew with lower rates; the file has the last state that was sound")
  }
}

extension Problem {
  public static let trainingExists = Problem("trainingExists", .output, "there is a saved training already")
  public static let trainingDiverged = Problem("trainingDiverged", .checkFailed, "the training has diverged")
  public static let nothingToLearn = Problem("nothingToLearn", .inputFile, "no token of the text has a loss")
}
