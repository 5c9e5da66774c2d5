/// Settings that are known to work together.
public enum TrainingPreset: String, Sendable, CaseIterable {
  /// For some millions of tokens: many small steps, at rates that large batches would not bear.
  case small
  /// For hundreds of millions, as published.
  case paper
}

extension TrainingSettings {
  /// - Parameter tokens: in all; as many as the preset has unless given.
  public init(_ preset: TrainingPreset, stage: TrainingStage, tokens: Int? = nil) {
    switch preset {
    case .small: self = .small(stage)
    case .paper: self = .paper(stage)
    }
    if let tokens { self.tokens = tokens }
  }

  /// Sequences of 256 tokens, 4 a step to align, 8 else; no weight decay, a line down to zero and no warm-up. On a Llama of
  /// 6M parameters, with 2M tokens to align and 2M to match, settings near the paper's (64 x 512, 1e-3, then 3e-4 and
  /// 3e-5) came to a KL divergence of 0.47; docs/benchmarks.md says what these come to, and what else was tried. Alignment
  /// gains from more steps of fewer tokens, matching does not.
  ///
  /// Fine-tuning takes a quarter of the tokens of a match, as RADLADS takes a sixth, and all parameters at the rate at which
  /// match moves those that were copied: by then mixers are no newer than the rest, and cross-entropy on a little text
  /// costs recall that the teacher's distributions have given. RADLADS, too, goes on at the low rate of the stage before.
  private static func small(_ stage: TrainingStage) -> TrainingSettings {
    let (tokens, batch, mixerRate, restRate) =
      switch stage {
      case .align: (2_000_000, 4, 3e-3, 3e-3)
      case .match: (2_000_000, 8, 3e-4, 3e-5)
      case .finetune: (500_000, 8, 3e-5, 3e-5)
      }
    return TrainingSettings(
      stage: stage, tokens: tokens, batch: batch, length: 256, microBatchTokens: 2048, mixerRate: mixerRate,
      restRate: restRate, schedule: LearningRateSchedule(.linear(finalShare: 0)))
  }

  /// Align and match: the configurations published with arXiv 2512.20569, AdamW (0.9, 0.95) with PyTorch's default weight
  /// decay of 0.01 and gradients no longer than 1. Align: 100M tokens, 96 sequences of 512, 1e-3 and a cosine to zero.
  /// Match: 600M tokens, 32 sequences of 4,096, 1e-4 for mixers and 7e-6 for the rest, constant. There the decay takes in
  /// vectors as well; here vectors are never decayed.
  ///
  /// That work fine-tunes in no published configuration; this is step 3 of RADLADS (Goldstein et al., arXiv 2505.03005):
  /// 100M tokens, 96 sequences of 16,384, 1e-5, constant, no weight decay.
  private static func paper(_ stage: TrainingStage) -> TrainingSettings {
    var settings =
      switch stage {
      case .align:
        TrainingSettings(
          stage: stage, tokens: 100_000_000, batch: 96, length: 512, microBatchTokens: 6144, mixerRate: 1e-3,
          restRate: 1e-3, schedule: LearningRateSchedule(.cosine(finalShare: 0)))
      case .match:
        TrainingSettings(
          stage: stage, tokens: 600_000_000, batch: 32, length: 4096, microBatchTokens: 4096, mixerRate: 1e-4,
          restRate: 7e-6, schedule: LearningRateSchedule(.constant))
      case .finetune:
        TrainingSettings(
          stage: stage, tokens: 100_000_000, batch: 96, length: 16_384, microBatchTokens: 16_384, mixerRate: 1e-5,
          restRate: 1e-5, schedule: LearningRateSchedule(.constant))
      }
    if stage != .finetune { settings.weightDecay = 0.01 }
    settings.evaluationInterval = stage == .finetune ? 10 : 100
    return settings
  }
}
