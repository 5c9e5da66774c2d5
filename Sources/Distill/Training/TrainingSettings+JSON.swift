import HybridizeCore
import HybridizeRuntime

extension TrainingSettings {
  public var json: JSONObject {
    [
      "stage": .string(stage.rawValue), "tokens": .integer(tokens), "batch": .integer(batch),
      "length": .integer(length), "micro_batch_tokens": .integer(microBatchTokens),
      "mixer_rate": .double(mixerRate), "rest_rate": .double(restRate), "schedule": .object(schedule.json),
      "beta1": .double(beta1), "beta2": .double(beta2), "epsilon": .double(epsilon),
      "weight_decay": .double(weightDecay), "clip": clip.map { .double($0) } ?? .null,
      "seed": .number(String(seed)), "evaluation_interval": .integer(evaluationInterval),
      "plateau": plateau.map { .object($0.json) } ?? .null,
      "explosion": explosion.map { .object($0.json) } ?? .null,
    ]
  }

  /// All fields must be there, as `json` writes them.
  ///
  /// - Throws: `.missingField`, `.wrongField`, `.unknownField`.
  public init(json: JSONObject) throws(HybridizeError) {
    var reader = FieldReader(json)
    guard let stage = TrainingStage(rawValue: try reader.string("stage")) else {
      throw reader.wrong("stage", TrainingStage.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let tokens = try reader.integer("tokens", in: 1...Int.max)
    let batch = try reader.integer("batch", in: 1...(1 << 20))
    let length = try reader.integer("length", in: 1...(1 << 20))
    let microBatchTokens = try reader.integer("micro_batch_tokens", in: 1...Int.max)
    let mixerRate = try reader.double("mixer_rate", in: 0...1e3)
    let restRate = try reader.double("rest_rate", in: 0...1e3)
    guard let schedule = try reader.optionalObject("schedule") else { throw reader.missing("schedule", "an object") }
    self.init(
      stage: stage, tokens: tokens, batch: batch, length: length, microBatchTokens: microBatchTokens,
      mixerRate: mixerRate, restRate: restRate, schedule: try LearningRateSchedule(json: schedule))
    beta1 = try reader.double("beta1", in: 0...0.999_999)
    beta2 = try reader.double("beta2", in: 0...0.999_999)
    epsilon = try reader.double("epsilon", in: 0...1)
    weightDecay = try reader.double("weight_decay", in: 0...1e3)
    clip = try reader.optionalDouble("clip", in: 1e-30...1e30)
    guard case .number(let text)? = reader.value("seed"), let seed = UInt64(text) else {
      throw reader.wrong("seed", "an integer from 0 to \(UInt64.max)")
    }
    self.seed = seed
    evaluationInterval = try reader.integer("evaluation_interval", in: 1...Int.max)
    plateau = try reader.optionalObject("plateau").map { (json) throws(HybridizeError) in try Plateau(json: json) }
    explosion = try reader.optionalObject("explosion").map { (json) throws(HybridizeError) in
      try Explosion(json: json)
    }
    try reader.finish()
  }

  /// These, if one can train with them: with the bounds that hold for what is read.
  ///
  /// - Throws: `.badArgument`, with the field.
  package func checked() throws(HybridizeError) -> TrainingSettings {
    let read: TrainingSettings
    do {
      read = try TrainingSettings(json: json)
    } catch {
      // No file is at fault.
      throw HybridizeError(.badArgument, expected: error.expected, found: error.found)
    }
    // JSON has nothing for what is not a number, and what may be absent would just be that.
    guard read == self else {
      throw HybridizeError(.badArgument, expected: "settings that are numbers", found: "clip: not a number")
    }
    return read
  }

  /// The fields in which others differ, each with its value here and there.
  package func differences(from other: TrainingSettings) -> [(field: String, here: String, there: String)] {
    let there = other.json
    return json.members.compactMap { field, value in
      guard let otherValue = there[field], otherValue != value else { return nil }
      return (field, JSONWriter.compact(value), JSONWriter.compact(otherValue))
    }
  }
}

extension TrainingSettings.Plateau {
  var json: JSONObject { ["evaluations": .integer(evaluations), "improvement": .double(improvement)] }

  init(json: JSONObject) throws(HybridizeError) {
    var reader = FieldReader(json)
    evaluations = try reader.integer("evaluations", in: 1...Int.max)
    improvement = try reader.double("improvement", in: 0...1)
    try reader.finish()
  }
}

extension TrainingSettings.Explosion {
  var json: JSONObject { ["factor": .double(factor), "steps": .integer(steps), "window": .integer(window)] }

  init(json: JSONObject) throws(HybridizeError) {
    var reader = FieldReader(json)
    factor = try reader.double("factor", in: 1...1e30)
    steps = try reader.integer("steps", in: 1...(1 << 20))
    window = try reader.integer("window", in: 1...(1 << 20))
    try reader.finish()
  }
}

extension LearningRateSchedule {
  public var json: JSONObject {
    var json: JSONObject = ["warm_up_steps": .integer(warmUpSteps)]
    switch shape {
    case .constant: json["shape"] = .string("constant")
    case .cosine(let finalShare):
      json["shape"] = .string("cosine")
      json["final_share"] = .double(finalShare)
    case .stableThenDecay(let decayShare, let finalShare):
      json["shape"] = .string("wsd")
      json["decay_share"] = .double(decayShare)
      json["final_share"] = .double(finalShare)
    }
    return json
  }

  /// - Throws: `.missingField`, `.wrongField`, `.unknownField`.
  public init(json: JSONObject) throws(HybridizeError) {
    var reader = FieldReader(json)
    let warmUpSteps = try reader.integer("warm_up_steps", in: 0...Int.max)
    switch try reader.string("shape") {
    case "constant": self.init(.constant, warmUpSteps: warmUpSteps)
    case "cosine":
      self.init(.cosine(finalShare: try reader.double("final_share", in: 0...1)), warmUpSteps: warmUpSteps)
    case "wsd":
      let decay = try reader.double("decay_share", in: 0...1)
      let finalShare = try reader.double("final_share", in: 0...1)
      self.init(.stableThenDecay(decayShare: decay, finalShare: finalShare), warmUpSteps: warmUpSteps)
    default: throw reader.wrong("shape", "constant, cosine or wsd")
    }
    try reader.finish()
  }
}
