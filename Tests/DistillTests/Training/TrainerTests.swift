import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport
import Testing

@Suite("the training loop")
struct TrainerTests {
  @Test("teaches a linear layer what another one gives, also when it is interrupted", arguments: TrainingRun.backends)
  func linear(_ name: String) throws {
    var settings = TrainingSettings.toy(steps: 500, rate: 0.1)
    (settings.weightDecay, settings.schedule) = (0, LearningRateSchedule(.cosine(finalShare: 0)))
    let scratch = TemporaryDirectory()
    let backend = try BackendRegistry.make(name, threads: 2)
    func train(_ directory: String, _ source: ToyText = ToyText()) throws(HybridizeError) -> [[Double]] {
      let toy = try LinearToy(on: backend)
      let trainer = try Trainer(
        toy, settings: settings, source: source, heldOut: [ToyText.batch(0, 1, 2, 3, 4, 5, 6, 7)],
        in: scratch.path(directory), fingerprint: name, saving: .everySteps(100))
      _ = try trainer.run(resuming: true)
      return toy.parameters.map { backend.read($0.values) }
    }
    let learnt = try train("whole")
    expectClose(learnt[0], LinearToy.values("weight", 12), absolute: 1e-4, "weight")
    expectClose(learnt[1], LinearToy.values("bias", 4), absolute: 1e-4, "bias")
    for cut in [50, 150, 499] { expectProblem(.unreadable) { try train("cut", ToyText(cutAt: cut)) } }
    #expect(try train("cut") == learnt)
  }

  @Test(
    "a training that pauses goes on to the same bits, also where nothing else is saved", arguments: TrainingRun.backends
  )
  func pauses(_ backend: String) throws {
    let run = try TrainingRun(.toy(steps: 12), on: backend)
    run.saving = .never
    let paused = try run.run(until: 5)
    #expect(paused.outcome.end == .paused && paused.outcome.steps == 5)
    let rest = try run.run(resuming: true)
    #expect(rest.outcome.end == .finished && rest.outcome.resumedAt == 5)
    let whole = try run.uninterrupted()
    #expect(rest.objective.values == whole.objective.values && rest.lines == whole.lines)
  }

  @Test("in micro-batches the steps are those of whole batches, to rounding", arguments: [1, 3, 7, 12])
  func microBatches(_ tokens: Int) throws {
    var settings = TrainingSettings.toy(steps: 8)
    settings.microBatchTokens = 100
    let whole = try TrainingRun(settings).run()
    settings.microBatchTokens = tokens
    let parts = try TrainingRun(settings).run()
    expectClose(Array(parts.objective.values.joined()), Array(whole.objective.values.joined()), absolute: 1e-13)
    for (part, whole) in zip(parts.outcome.history.steps, whole.outcome.history.steps) {
      expectClose([part.loss, part.norm], [whole.loss, whole.norm], absolute: 1e-13)
    }
  }

  @Test(
    "a batch is cut between sequences, a part as long as it may be",
    arguments: [
      (6, [[2, 3], [4, 1, 1], [1]]), (5, [[2, 3], [4, 1], [1, 1]]), (1, [[2], [3], [4], [1], [1], [1]]),
      (100, [[2, 3, 4, 1, 1, 1]]),
    ])
  func cuts(_ limit: Int, _ expected: [[Int]]) {
    let batch = TokenBatch([2, 3, 4, 1, 1, 1].map { TokenSequence(ids: Array(repeating: 0, count: $0)) })
    let parts = batch.microBatches(of: limit)
    #expect(parts.map { $0.sequences.map(\.ids.count) } == expected)
    #expect(parts.flatMap(\.sequences) == batch.sequences)
    #expect(TokenBatch([]).microBatches(of: limit).isEmpty)
  }

  @Test("tokens without a loss weigh nothing: the gradient is that of the mean over the others")
  func silentTokens() throws {
    let run = try TrainingRun(.toy(steps: 3))
    let quiet = ToyText(others: [1: ToyText.batch(Pull.silent, 3, 4, Pull.silent, 5, Pull.silent)])
    let plain = ToyText(others: [1: ToyText.batch(3, 4, 5)])
    let (found, expected) = (try run.run(quiet), try run.run(plain, at: run.scratch.path("other")))
    expectClose(Array(found.objective.values.joined()), Array(expected.objective.values.joined()), absolute: 1e-13)
    #expect(found.outcome.history.steps.map(\.tokens) == [12, 18, 30])
    let nothing = ToyText(others: [1: ToyText.batch(Pull.silent)])
    let error = expectProblem(.nothingToLearn) { try run.run(nothing, at: run.scratch.path("third")) }
    #expect(error?.found == "the batch of step 2")
  }

  @Test("looks at the held-out text before, now and then, and after, and leaves the best parameters")
  func best() throws {
    var settings = TrainingSettings.toy(steps: 14)
    (settings.mixerRate, settings.restRate) = (0.2, 0.2)
    settings.schedule = LearningRateSchedule(.constant)
    let run = try TrainingRun(settings)
    run.heldOut = [ToyText.batch(0)]
    // The text leads towards the held-out token at first, and away later.
    var others: [Int: TokenBatch] = [:]
    for step in 0..<14 { others[step] = ToyText.batch(step < 8 ? 0 : 6) }
    let result = try run.run(ToyText(others: others))
    let evaluations = result.outcome.history.evaluations
    #expect(evaluations.map(\.step) == [0, 4, 8, 12, 14])
    #expect(result.outcome.bestStep == 8 || result.outcome.bestStep == 12)
    #expect(result.outcome.heldOutLoss == evaluations.map(\.loss).min())
    #expect(try result.objective.loss(run.heldOut[0]).mean == result.outcome.heldOutLoss)
    #expect(result.outcome.end == .finished && result.outcome.steps == 14)

    run.heldOut = []
    let last = try run.run(ToyText(others: others), at: run.scratch.path("other"))
    #expect(last.outcome.history.evaluations.isEmpty && last.outcome.heldOutLoss == nil)
    #expect(last.outcome.history.steps.map(\.loss) == result.outcome.history.steps.map(\.loss))
    #expect(try last.objective.loss(ToyText.batch(6)).mean < (try result.objective.loss(ToyText.batch(6)).mean))
  }

  @Test("stops on a plateau, and not before")
  func plateau() throws {
    var settings = TrainingSettings.toy(steps: 60, rate: 0)
    settings.plateau = TrainingSettings.Plateau(evaluations: 3, improvement: 0.01)
    let stopped = try TrainingRun(settings).run()
    #expect(stopped.outcome.steps == 12 && stopped.outcome.end == .plateau)
    #expect(stopped.outcome.bestStep == 0)

    // Each look is better by less than a hundredth, but not those before it together.
    settings = .toy(steps: 60, rate: 1e-3)
    settings.schedule = LearningRateSchedule(.constant)
    settings.plateau = TrainingSettings.Plateau(evaluations: 3, improvement: 0.01)
    let run = try TrainingRun(settings)
    let slow = try run.run()
    let losses = slow.outcome.history.evaluations.map(\.loss)
    #expect(zip(losses, losses.dropFirst()).contains { $1 > 0.99 * $0 && $1 < $0 })
    #expect(slow.outcome.end == .finished)
    settings.plateau?.improvement = 0.5
    #expect(try TrainingRun(settings).run().outcome.end == .plateau)
  }

  @Test("tells its progress, and at the end that it is the end")
  func progress() throws {
    let run = try TrainingRun(.toy(steps: 3))
    let updates = Updates()
    run.progress = Progress { updates.add($0) }
    var now = 0.0
    run.clock = {
      now += 0.25
      return now
    }
    _ = try run.run()
    #expect(
      updates.all.map { "\($0.task) \($0.done) \($0.total) \($0.isLast)" } == [
        "match 1 3 false", "match 2 3 false", "match 3 3 true",
      ])
    let line = try #require(updates.all.first?.line)
    #expect(line.wholeMatch(of: /match  1\/3  loss \d+\.\d+  \d+\.\d+ tokens\/s  0:0\d left/) != nil, "\(line)")

    let cut = Updates()
    run.progress = Progress { cut.add($0) }
    expectProblem(.unreadable) { try run.run(ToyText(cutAt: 2), at: run.scratch.path("other")) }
    #expect(cut.all.last == Progress.Update(task: "match", done: 2, total: 3, isLast: true))
  }

  @Test("writes the curve of its loss, as lines and as a drawing")
  func curve() throws {
    let run = try TrainingRun(.toy(steps: 6))
    let result = try run.run()
    #expect(run.scratch.entries("training") == ["loss.jsonl", "loss.svg", "training.safetensors"])
    let lines = try run.log()
    #expect(lines == result.outcome.lines)
    #expect(lines.map { $0["step"]?.integerValue } == [0, 1, 2, 3, 4, 4, 5, 6, 6])
    #expect(lines.map { $0["held_out_loss"] != nil } == [true, false, false, false, false, true, false, false, true])
    #expect(lines[1].keys == ["step", "tokens", "loss", "norm", "rate", "seconds"])
    #expect(String(decoding: run.scratch.bytes("training/loss.svg"), as: UTF8.self).contains("match: loss"))
  }

  @Test("the outcome as JSON has what a reader of the command line needs")
  func json() throws {
    let result = try TrainingRun(.toy(steps: 6)).run()
    let json = result.outcome.json
    #expect(json["stage"] == .string("match") && json["tokens"] == .integer(72) && json["end"] == .string("finished"))
    #expect(json["loss"]?.arrayValue?.count == 6 && json["held_out"]?.arrayValue?.count == 3)
    #expect(try #require(json["tokens_per_second"]?.doubleValue) > 0)
    #expect(json["resumed_at"]?.isNull == true)
  }

  @Test("settings that cannot be are refused before anything is written")
  func settings() throws {
    var settings = TrainingSettings.toy(steps: 3)
    settings.mixerRate = .nan
    let run = try TrainingRun(settings)
    expectProblem(.badArgument) { try run.run() }
    run.settings.mixerRate = -1
    expectProblem(.badArgument) { try run.run() }
    #expect(run.scratch.entries().isEmpty)
  }

  @Test("two trainings in one directory: the second says so, and a finished one is not trained over")
  func two() throws {
    let run = try TrainingRun(.toy(steps: 3))
    let objective = Pull(on: run.backend)
    do {
      let first = try Trainer(
        objective, settings: run.settings, source: ToyText(), heldOut: [], in: run.directory, fingerprint: "")
      expectProblem(.outputBusy) { try run.run() }
      withExtendedLifetime(first) {}
    }
    let result = try run.run()
    let bytes = run.scratch.bytes(run.checkpoint)
    #expect(expectProblem(.trainingExists) { try run.run() }?.file == run.scratch.path(run.checkpoint))
    #expect(run.scratch.bytes(run.checkpoint) == bytes)
    #expect(try run.log() == result.outcome.lines)
    let missing = run.scratch.path("none/training")
    #expect(expectProblem(.cannotWrite) { try run.run(at: missing) }?.file == missing)
  }
}
