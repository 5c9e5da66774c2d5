import HybridizeCore
import HybridizeRuntime

/// Softmax attention to Kimi delta attention.
public struct KimiDeltaAttentionTransfer: TransferRule {
  private let options: KimiDeltaAttentionOptions

  public init(_ mixer: KimiDeltaAttentionOptions) { options = mixer }

  public static func mixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> KimiDeltaAttentionOptions {
    var options = KimiDeltaAttentionOptions(
      keyValueHeads: choice.keyValueHeads(model), decayRank: model.headDimension, gateRank: model.headDimension)
    // Every preset has convolutions: the published layer does.
    options.convolution = LinearAttentionTransfer.convolutionKernel
    if choice.preset == .best {
      options.rotary = true
      options.qkvBias = model.queryKeyValueBias
      options.qkNormGain = model.queryKeyNorm
    }
    return options
  }

  public static func relaysTo(_ preset: Preset) -> [String] { preset == .portable ? ["FLA"] : [] }

  public func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    let (heads, channels, start) = (model.heads, model.headDimension, context.plan.initialisation)
    let bound = options.decayBound
    let transfer = LinearAttentionTransfer(
      tensors: options.tensors(model), keyValueHeads: options.keyValueHeads, convolution: options.convolution,
      qkvBias: options.qkvBias, queryKeyNorm: ("qkNormGain", options.qkNormGain), decayProjection: "f_proj.1")
    return try transfer.steps(layer: layer, context) { name in
      switch name {
      // The published code starts all rates at 1 where decays are bounded.
      case "A_log" where bound != nil: { _ in Array(repeating: 0, count: heads) }
      case "A_log": { start.logRates(heads: heads, from: 1, &$0) }
      case "dt_bias": { start.decayBiases(heads: heads, channels: channels, bound: bound, &$0) }
      default: nil
      }
    }
  }
}
