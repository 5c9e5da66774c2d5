/// Named choices of what a converted layer is made of and how it starts. A mixer's transfer rule says what each means
/// for that mixer.
public enum Preset: String, Sendable, CaseIterable {
  /// Rotary positions and convolutions, half-lives spread over the heads, the teacher's biases and gains carried:
  /// halves the tokens that distillation needs. Runs in Hybridize.
  case best
  /// What the tensor layouts of Qwen3.5, Qwen3-Next, OLMo-Hybrid and FLA can hold: convolutions, no rotary
  /// positions, a key and value head for every query head.
  case portable
  /// The layer of arXiv 2512.20569: no convolution, no rotary positions, gates drawn at random.
  case paper

  public var initialisation: GateInitialisation { self == .paper ? .paper : .spread }

  /// Which programs load the result.
  public var engines: String {
    switch self {
    case .best, .paper: "Hybridize"
    case .portable: "Hybridize; layers re-lay without loss to Qwen3.5, Qwen3-Next, OLMo-Hybrid and FLA"
    }
  }
}
