import HybridizeCore
import HybridizeRuntime

/// Softmax attention to gated DeltaNet.
public struct GatedDeltaNetTransfer: TransferRule {
  private let options: GatedDeltaNetOptions

  public init(_ mixer: GatedDeltaNetOptions) { options = mixer }

  public static func mixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> GatedDeltaNetOptions {
    var options = GatedDeltaNetOptions(keyValueHeads: choice.keyValueHeads(model))
    switch choice.preset {
    case .best:
      options.rotary = true
      options.convolution = LinearAttentionTransfer.convolutionKernel
      options.qkvBias = model.queryKeyValueBias
      options.qkNormGain = model.queryKeyNorm
    case .portable: options.convolution = LinearAttentionTransfer.convolutionKernel
    case .paper: break
    }
    return options
  }

  public static func relaysTo(_ preset: Preset) -> [String] {
    preset == .portable ? ["Qwen3.5", "Qwen3-Next", "OLMo-Hybrid", "FLA"] : []
  }

  public func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    let (heads, start) = (model.heads, context.plan.initialisation)
    let transfer = LinearAttentionTransfer(
      tensors: options.tensors(model), keyValueHeads: options.keyValueHeads, convolution: options.convolution,
      qkvBias: options.qkvBias, queryKeyNorm: ("qkNormGain", options.qkNormGain), decayProjection: "a_proj")
    return try transfer.steps(layer: layer, context) { name in
      switch name {
      case "A_log": { start.logRates(heads: heads, from: 0, &$0) }
      case "dt_bias": { start.decayBiases(heads: heads, channels: 1, &$0) }
      default: nil
      }
    }
  }
}
