import HybridizeCore
import HybridizeRuntime

/// Softmax attention to gated linear attention.
public struct GatedLinearAttentionTransfer: TransferRule {
  private let options: GatedLinearAttentionOptions

  public init(_ mixer: GatedLinearAttentionOptions) { options = mixer }

  /// Without the option no preset has SiLU on query and key, so that a new layer starts with the teacher's scores. FLA's
  /// convolutions bring SiLU along, hence none in `portable`.
  public static func mixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> GatedLinearAttentionOptions {
    var options = GatedLinearAttentionOptions(keyValueHeads: choice.keyValueHeads(model))
    if choice.preset == .best {
      options.rotary = true
      options.convolution = LinearAttentionTransfer.convolutionKernel
      options.qkvBias = model.queryKeyValueBias
      options.qkNorm = model.queryKeyNorm
    }
    return options
  }

  public static func relaysTo(_ preset: Preset) -> [String] { preset == .portable ? ["FLA"] : [] }

  public func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    let (heads, channels, start) = (model.heads, model.headDimension, context.plan.initialisation)
    let transfer = LinearAttentionTransfer(
      tensors: options.tensors(model), keyValueHeads: options.keyValueHeads, convolution: options.convolution,
      qkvBias: options.qkvBias, queryKeyNorm: ("qkNorm", options.qkNorm), decayProjection: "gk_proj.1")
    return try transfer.steps(layer: layer, context) { name in
      guard name == "gk_proj.1.bias", start == .spread else { return nil }
      return { _ in start.logSigmoidBiases(heads: heads, channels: channels) }
    }
  }
}
