import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import TestSupport
import Testing

/// AdamW as its authors write it, on plain numbers: what the optimiser is compared with.
struct PlainAdamW {
  private let settings: TrainingSettings
  private(set) var values: [[Double]]
  private var means: [[Double]]
  private var variances: [[Double]]
  private var time = 0

  init(_ settings: TrainingSettings, _ values: [[Double]]) {
    self.settings = settings
    self.values = values
    means = values.map { $0.map { _ in 0 } }
    variances = means
  }

  /// - Returns: the length of the gradient.
  mutating func step(_ gradients: [[Double]], share: Double, groups: [ParameterGroup]) -> Double {
    time += 1
    var length = 0.0
    for value in gradients.joined() { length += value * value }
    length = length.squareRoot()
    let shrink = settings.clip.map { min(1, $0 / length) } ?? 1
    var (power1, power2) = (1.0, 1.0)
    for _ in 0..<time { (power1, power2) = (power1 * settings.beta1, power2 * settings.beta2) }
    for index in values.indices {
      let isMixer = groups[index] == .mixer || groups[index] == .mixerVectors
      let isMatrix = groups[index] == .mixer || groups[index] == .rest
      let rate = (isMixer ? settings.mixerRate : settings.restRate) * share
      for place in values[index].indices {
        let gradient = gradients[index][place] * shrink
        means[index][place] = settings.beta1 * means[index][place] + (1 - settings.beta1) * gradient
        variances[index][place] =
          settings.beta2 * variances[index][place] + (1 - settings.beta2) * gradient * gradient
        let (mean, variance) = (means[index][place] / (1 - power1), variances[index][place] / (1 - power2))
        let decay = isMatrix ? settings.weightDecay * values[index][place] : 0
        values[index][place] -= rate * (mean / (variance.squareRoot() + settings.epsilon) + decay)
      }
    }
    return length
  }
}

@Suite("the optimiser")
struct OptimizerTests {
  static let groups = Pull.parameters.map(\.group)

  /// Gradients as `Pull` has them, the mean over a batch.
  static func gradients(_ values: [[Double]], _ batch: TokenBatch) -> [[Double]] {
    let ids = batch.sequences.flatMap(\.ids).filter { $0 != Pull.silent }
    return zip(values, Pull.parameters).map { values, parameter in
      var sum = values.map { _ in 0.0 }
      for id in ids {
        let point = Pull.point(id, parameter.name, count: values.count)
        for place in sum.indices { sum[place] += values[place] - point[place] }
      }
      return sum.map { $0 / Double(ids.count) }
    }
  }

  struct Case: CustomTestStringConvertible {
    let testDescription: String
    var change: @Sendable (inout TrainingSettings) -> Void = { _ in }
  }

  static let cases = [
    Case(testDescription: "clipped, decayed, on a schedule"),
    Case(testDescription: "clipped at each step") { $0.clip = 0.01 },
    Case(testDescription: "not clipped") { $0.clip = nil },
    Case(testDescription: "other betas and epsilon") { ($0.beta1, $0.beta2, $0.epsilon) = (0.5, 0.999, 0.1) },
    Case(testDescription: "no weight decay, constant rate") {
      $0.weightDecay = 0
      $0.schedule = LearningRateSchedule(.constant)
    },
  ]

  @Test("takes the steps of AdamW, each group at its rate and its decay", arguments: cases, TrainingRun.backends)
  func plain(_ variant: Case, _ backend: String) throws {
    var settings = TrainingSettings.toy(steps: 10)
    variant.change(&settings)
    let run = try TrainingRun(settings, on: backend)
    run.heldOut = []
    let result = try run.run()

    var plain = PlainAdamW(settings, Pull(on: run.backend).values)
    for (number, step) in result.outcome.history.steps.enumerated() {
      let share = settings.schedule.share(step: number, of: settings.steps)
      let batch = try ToyText().batch(number)
      let length = plain.step(Self.gradients(plain.values, batch), share: share, groups: Self.groups)
      expectClose([step.norm], [length], relative: backend == "cpu" ? 1e-5 : 1e-12, "length of gradient \(number)")
      #expect(step.rate == settings.mixerRate * share)
      #expect(step.tokens == 12 * (number + 1))
    }
    for (index, parameter) in Pull.parameters.enumerated() {
      expectClose(
        result.objective.values[index], plain.values[index], absolute: backend == "cpu" ? 2e-6 : 1e-12, parameter.name)
    }
  }

  @Test("moves a parameter by the rate of its group in the first step, whatever the gradient")
  func firstStep() throws {
    var settings = TrainingSettings.toy(steps: 1)
    (settings.mixerRate, settings.restRate, settings.weightDecay) = (0.25, 0.0625, 0)
    settings.schedule = LearningRateSchedule(.constant)
    let run = try TrainingRun(settings)
    run.heldOut = []
    let start = Pull(on: run.backend).values
    let moved = try run.run().objective.values
    for (index, parameter) in Pull.parameters.enumerated() {
      let rate = [.mixer, .mixerVectors].contains(parameter.group) ? 0.25 : 0.0625
      expectClose(
        zip(moved[index], start[index]).map { abs($0 - $1) }, start[index].map { _ in rate }, relative: 1e-6,
        parameter.name)
    }
  }

  @Test("reaches the optimum", arguments: TrainingRun.backends)
  func optimum(_ backend: String) throws {
    var settings = TrainingSettings.toy(steps: 400, rate: 0.1)
    settings.restRate = 0.1
    settings.schedule = LearningRateSchedule(.cosine(finalShare: 0))
    settings.weightDecay = 0
    let run = try TrainingRun(settings, on: backend)
    run.heldOut = [ToyText.batch(5)]
    run.saving = .everySteps(1000)
    let result = try run.run(ToyText.constant(5, steps: 400))
    for (values, parameter) in zip(result.objective.values, Pull.parameters) {
      expectClose(values, Pull.point(5, parameter.name, count: values.count), absolute: 1e-4, parameter.name)
    }
    #expect(try #require(result.outcome.heldOutLoss) < 1e-6)
  }
}
