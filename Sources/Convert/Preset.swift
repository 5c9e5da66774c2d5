/// Named choices of what a converted layer is made of and how it starts. A mixer's transfer rule says what each means
/// for that mixer.
public enum Preset: String, Sendable, CaseIterable {
  /// Rotary positions and convolutions, half-lives spread over the heads, the teacher's biases and gains carried:
  /// halves the tokens that distillation needs. Runs in Hybridize.
  case best
  /// What the tensor layouts of other engines can hold, for gated DeltaNet those of Qwen3.5, Qwen3-Next, OLMo-Hybrid and
  /// FLA: convolutions, no rotary positions, a key and value head for every query head.
  case portable
  /// The layer as published, for gated DeltaNet that of arXiv 2512.20569: no convolution, no rotary positions, gates drawn
  /// at random.
  case paper

  public var initialisation: GateInitialisation { self == .paper ? .paper : .spread }
}
