import HybridizeCore

/// What a stage of a distillation teaches.
public enum TrainingStage: String, Sendable, CaseIterable {
  /// Linear layers to give what the attention that they replace gives.
  case align
  /// The hybrid to predict what the teacher predicts.
  case match
  /// The hybrid to predict the text.
  case finetune
}

/// All that decides how a stage is trained, beside model and text.
public struct TrainingSettings: Sendable, Equatable {
  public var stage: TrainingStage
  /// Tokens in all; what does not fill a step is left.
  public var tokens: Int
  /// Sequences a step.
  public var batch: Int
  /// Tokens a sequence.
  public var length: Int
  /// Tokens that are computed at a time, at most, but always a whole sequence: memory follows it. Results do not depend on
  /// it but for rounding.
  public var microBatchTokens: Int
  /// Learning rate of token mixers.
  public var mixerRate: Double
  /// Learning rate of all else.
  public var restRate: Double
  public var schedule: LearningRateSchedule
  /// How much the mean of the gradients keeps at each step.
  public var beta1 = 0.9
  /// How much the mean of their squares keeps.
  public var beta2 = 0.95
  public var epsilon = 1e-8
  /// Of matrices; vectors are never decayed.
  public var weightDecay = 0.0
  /// The gradient of all parameters together is made no longer than this; `nil` leaves it.
  public var clip: Double? = 1
  /// Of the order of the text.
  public var seed: UInt64 = 0
  /// Steps between two looks at the held-out text.
  public var evaluationInterval = 50
  /// When more steps would not help; `nil` takes them all.
  public var plateau: Plateau?
  /// When a training is given up; `nil` for losses and gradients that are no numbers alone.
  public var explosion: Explosion? = Explosion()

  public init(
    stage: TrainingStage, tokens: Int, batch: Int, length: Int, microBatchTokens: Int, mixerRate: Double,
    restRate: Double, schedule: LearningRateSchedule
  ) {
    self.stage = stage
    self.tokens = tokens
    self.batch = batch
    self.length = length
    self.microBatchTokens = microBatchTokens
    self.mixerRate = mixerRate
    self.restRate = restRate
    self.schedule = schedule
  }

  /// At least one.
  public var steps: Int { max(1, tokens / batch / length) }

  /// The whole rate of a group.
  package func rate(of group: ParameterGroup) -> Double {
    switch group {
    case .mixer, .mixerVectors: mixerRate
    case .rest, .restVectors: restRate
    }
  }

  package func weightDecay(of group: ParameterGroup) -> Double {
    switch group {
    case .mixer, .rest: weightDecay
    case .mixerVectors, .restVectors: 0
    }
  }
}

extension TrainingSettings {
  /// Stop when this many held-out losses in a row are no better than the best before them.
  public struct Plateau: Sendable, Equatable {
    public var evaluations: Int
    /// What counts as better: lower by more than this share.
    public var improvement: Double

    public init(evaluations: Int, improvement: Double) {
      self.evaluations = evaluations
      self.improvement = improvement
    }
  }

  /// Give up when this many gradients in a row are longer than the median of those before them by a factor. Single ones
  /// are what clipping is for.
  public struct Explosion: Sendable, Equatable {
    public var factor: Double
    public var steps: Int
    /// Gradients of which the median is taken; before there are as many, nothing is judged, as the first ones shrink fast.
    public var window: Int

    public init(factor: Double = 20, steps: Int = 8, window: Int = 32) {
      self.factor = factor
      self.steps = steps
      self.window = window
    }
  }
}
