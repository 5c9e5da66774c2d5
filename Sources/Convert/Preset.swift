import HybridizeCore
import HybridizeRuntime

/// Named choices of what a converted layer is made of and how it starts.
public enum Preset: String, Sendable, CaseIterable {
  /// Rotary positions and convolutions, half-lives spread over the heads, the teacher's biases and gains carried:
  /// halves the tokens that distillation needs. Runs in Hybridize.
  case best
  /// What the tensor layouts of Qwen3.5, Qwen3-Next, OLMo-Hybrid and FLA can hold: convolutions, no rotary
  /// positions, a key and value head for every query head.
  case portable
  /// The layer of arXiv 2512.20569: no convolution, no rotary positions, gates drawn at random.
  case paper

  /// Kernel of the convolutions, as every engine has it.
  public static let convolutionKernel = 4

  /// - Parameter expanded: a key and value head for every query head, also where the preset would keep them grouped.
  public func options(_ model: ModelConfiguration, expanded: Bool) -> GatedDeltaNetOptions {
    let grouped = self != .portable && !expanded
    var options = GatedDeltaNetOptions(keyValueHeads: grouped ? model.keyValueHeads : model.heads)
    switch self {
    case .best:
      options.rotary = true
      options.convolution = Self.convolutionKernel
      options.qkvBias = model.queryKeyValueBias
      options.qkNormGain = model.queryKeyNorm
    case .portable: options.convolution = Self.convolutionKernel
    case .paper: break
    }
    return options
  }

  public var initialisation: GateInitialisation { self == .paper ? .paper : .spread }

  /// Which programs load the result.
  public var engines: String {
    switch self {
    case .best, .paper: "Hybridize"
    case .portable: "Hybridize; layers re-lay without loss to Qwen3.5, Qwen3-Next, OLMo-Hybrid and FLA"
    }
  }
}
