import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport
import Testing

@Suite("a training that diverges")
struct DivergenceTests {
  /// Runs into what `others` hold, then again without: what was on disk must be sound.
  ///
  /// - Returns: the error, and after which step the second run went on.
  private func fail(
    _ run: TrainingRun, _ others: [Int: TokenBatch]
  ) throws -> (error: HybridizeError, resumedAt: Int?) {
    let error = try #require(expectProblem(.trainingDiverged) { try run.run(ToyText(others: others)) })
    #expect(error.file == run.scratch.path(run.checkpoint) && error.category == .checkFailed)
    let resumed = try run.run(resuming: true)
    let expected = try run.uninterrupted()
    #expect(resumed.lines == expected.lines && resumed.objective.values == expected.objective.values)
    return (error, resumed.outcome.resumedAt)
  }

  @Test("in its gradient stops there, and names the tensor", arguments: TrainingRun.backends)
  func gradient(_ backend: String) throws {
    let run = try TrainingRun(.toy(steps: 9), on: backend)
    let (error, resumedAt) = try fail(run, [5: ToyText.batch(3, Pull.noGradient)])
    #expect(error.tensor == "mixer.bias")
    #expect(error.found?.hasPrefix("at step 6: a gradient that is no number") == true, "\(error)")
    #expect(resumedAt == 5)
  }

  @Test("in its loss stops there")
  func loss() throws {
    let (error, resumedAt) = try fail(TrainingRun(.toy(steps: 9)), [2: ToyText.batch(1, 1, Pull.noLoss)])
    #expect(error.tensor == nil && error.found == "at step 3: loss nan")
    #expect(resumedAt == 2)
  }

  @Test("on held-out text stops there")
  func heldOut() throws {
    let run = try TrainingRun(.toy(steps: 9))
    run.heldOut = [ToyText.batch(1, Pull.noLoss)]
    #expect(expectProblem(.trainingDiverged) { try run.run() }?.found == "at step 0: loss nan")
    #expect(run.scratch.entries("training") == ["loss.jsonl"])
  }

  @Test("beyond all numbers in its last step saves nothing of it", arguments: [1, 4, 100])
  func values(_ saving: Int) throws {
    var settings = TrainingSettings.toy(steps: 7, rate: 1000)
    (settings.weightDecay, settings.schedule) = (1000, LearningRateSchedule(.constant))
    let run = try TrainingRun(settings, on: "cpu")
    (run.heldOut, run.saving) = ([], .everySteps(saving))
    let error = expectProblem(.trainingDiverged) { try run.run() }
    #expect(error?.tensor == "mixer.weight")
    #expect(error?.found?.hasPrefix("at step 7: parameters that are no numbers, loss") == true)
    let reader = try SafetensorsReader(run.scratch.path(run.checkpoint))
    for name in reader.tensors.map(\.name) {
      let tensor = try reader.tensor(named: name)
      guard tensor.elementType == .float32 else { continue }
      #expect(tensor.bytes.withMemoryRebound(to: Float.self) { $0.allSatisfy(\.isFinite) }, "\(name)")
    }
  }

  @Test("in gradients that explode stops after some of them, and what is on disk is from before")
  func explosion() throws {
    var settings = TrainingSettings.toy(steps: 40)
    settings.explosion = TrainingSettings.Explosion(factor: 10, steps: 3, window: 8)
    let run = try TrainingRun(settings)
    let (error, resumedAt) = try fail(
      run, Dictionary(uniqueKeysWithValues: (20..<40).map { ($0, ToyText.batch(Pull.far + $0)) }))
    let lengths = Pull.parameters.map { parameter in
      Pull.point(Pull.far + 22, parameter.name, count: parameter.rows * parameter.columns).reduce(0) { $0 + $1 * $1 }
    }
    #expect(error.tensor == Pull.parameters[try #require(lengths.firstIndex(of: lengths.max() ?? 0))].name)
    #expect(error.found?.hasPrefix("at step 23: 3 gradients in a row more than 10 times") == true, "\(error)")
    #expect(resumedAt == 20)
  }

  @Test(
    "is not what a few long gradients are, nor the first ones",
    arguments: [[20, 21, 23, 24, 26], Array(0..<8), [39]])
  func spikes(_ steps: [Int]) throws {
    var settings = TrainingSettings.toy(steps: 40)
    settings.explosion = TrainingSettings.Explosion(factor: 10, steps: 3, window: 8)
    let text = ToyText(others: Dictionary(uniqueKeysWithValues: steps.map { ($0, ToyText.batch(Pull.far + $0)) }))
    let run = try TrainingRun(settings)
    #expect(try run.run(text).outcome.end == .finished)
    // Also where the last step is one of them the end is saved.
    #expect(try run.run(text, resuming: true).outcome.resumedAt == 40)
  }
}
