import HybridizeCore
import HybridizeDistill
import HybridizeRuntime
import TestSupport
import Testing

@Suite("settings of a training")
struct TrainingSettingsTests {
  /// Every preset and stage, and one in which nothing is as usual.
  static let all: [TrainingSettings] = {
    var odd = TrainingSettings(
      stage: .match, tokens: 7, batch: 2, length: 3, microBatchTokens: 1, mixerRate: 1.0 / 3, restRate: 1e-300,
      schedule: LearningRateSchedule(.stableThenDecay(decayShare: 0.3, finalShare: 1e-9), warmUpSteps: 9))
    (odd.beta1, odd.beta2, odd.epsilon, odd.weightDecay) = (0.1, 0.2, 0.3, 0.4)
    (odd.clip, odd.seed, odd.evaluationInterval, odd.explosion) = (nil, .max, 17, nil)
    odd.plateau = TrainingSettings.Plateau(evaluations: 3, improvement: 0.001)
    return TrainingPreset.allCases.flatMap { preset in
      TrainingStage.allCases.map { TrainingSettings(preset, stage: $0) }
    } + [odd]
  }()

  @Test("come back from JSON as they were", arguments: all)
  func roundTrip(_ settings: TrainingSettings) throws {
    let text = JSONWriter.compact(.object(settings.json))
    let json = try #require(try JSONCursor.parse(Array(text.utf8)).objectValue)
    #expect(try TrainingSettings(json: json) == settings)
  }

  @Test("with a field that is missing, unknown or wrong are refused, and the field is named")
  func fields() throws {
    let good = JSONValue.object(Self.all[0].json)
    for field in Self.all[0].json.keys where !["clip", "plateau", "explosion"].contains(field) {
      var json = good
      json[field] = nil
      #expect(throws: HybridizeError.self, "\(field)") { try TrainingSettings(json: json.objectValue ?? [:]) }
    }
    for (path, value, problem) in [
      (["extra"], .integer(1), .unknownField), (["schedule", "extra"], .integer(1), .unknownField),
      (["stage"], .string("dream"), .wrongField), (["batch"], .integer(0), .wrongField),
      (["tokens"], .integer(-1), .wrongField), (["mixer_rate"], .double(-1), .wrongField),
      (["beta1"], .integer(1), .wrongField), (["clip"], .integer(0), .wrongField),
      (["seed"], .integer(-1), .wrongField), (["schedule", "shape"], .string("saw"), .wrongField),
      (["schedule"], .integer(1), .wrongField), (["plateau"], .object([:]), .missingField),
      (["explosion", "steps"], .integer(0), .wrongField),
    ] as [([String], JSONValue, Problem)] {
      var json = good
      json[path] = value
      let error = expectProblem(problem, "\(path)") { try TrainingSettings(json: json.objectValue ?? [:]) }
      #expect(path == ["plateau"] || error?.description.contains(path.last ?? "?") == true, "\(path)")
    }
  }

  @Test("the presets are those of the paper, and of our measurements")
  func presets() {
    let align = TrainingSettings(.paper, stage: .align)
    #expect(align.steps == 2034 && align.mixerRate == 1e-3 && align.weightDecay == 0.01)
    #expect(align.schedule == LearningRateSchedule(.cosine(finalShare: 0)))
    let match = TrainingSettings(.paper, stage: .match)
    #expect(match.steps == 4577 && match.mixerRate == 1e-4 && match.restRate == 7e-6)
    #expect(match.schedule == LearningRateSchedule(.constant))
    let finetune = TrainingSettings(.paper, stage: .finetune)
    #expect(finetune.batch == 96 && finetune.length == 16384 && finetune.weightDecay == 0)
    let small = TrainingSettings(.small, stage: .match, tokens: 1_000_000)
    #expect(small.steps == 488 && small.mixerRate == 3e-4 && small.restRate == 3e-5 && small.weightDecay == 0)
    for settings in Self.all.dropLast() {
      #expect(settings.beta1 == 0.9 && settings.beta2 == 0.95 && settings.clip == 1)
      #expect(settings.schedule.warmUpSteps == 0)
    }
  }

  @Test("each group has its rate, and vectors never decay")
  func groups() {
    let settings = TrainingSettings(.paper, stage: .match)
    #expect(ParameterGroup.allCases.map(settings.rate(of:)) == [1e-4, 1e-4, 7e-6, 7e-6])
    #expect(ParameterGroup.allCases.map(settings.weightDecay(of:)) == [0.01, 0, 0.01, 0])
  }

  @Test("differences name the fields and what they are on either side")
  func differences() {
    var other = Self.all[0]
    other.batch = 16
    other.schedule.warmUpSteps = 3
    let differences = other.differences(from: Self.all[0])
    #expect(differences.map(\.field) == ["batch", "schedule"])
    #expect(differences.first.map { [$0.here, $0.there] } == ["16", "\(Self.all[0].batch)"])
    #expect(other.differences(from: other).isEmpty)
  }
}
