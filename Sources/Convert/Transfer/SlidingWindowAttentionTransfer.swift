import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Softmax attention to the same attention over a window: every tensor is the teacher's.
public struct SlidingWindowAttentionTransfer: TransferRule {
  private let options: SlidingWindowAttentionOptions

  public init(_ mixer: SlidingWindowAttentionOptions) { options = mixer }

  /// Presets are about linear layers and change nothing here.
  ///
  /// - Throws: `.badMixerOption` for expanded key and value heads.
  public static func mixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> SlidingWindowAttentionOptions {
    guard !choice.expandKeyValue else {
      throw HybridizeError(
        .badMixerOption, expected: "key and value heads as in the source, in \(mixerName)",
        found: "a key and value head for every query head")
    }
    return SlidingWindowAttentionOptions()
  }

  public func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    let prefix = model.architecture.tensors.layerPrefix(layer)
    var steps: [TransferStep] = []
    for requirement in options.tensors(model) {
      let source = try context.descriptor(prefix + requirement.name)
      steps.append(TransferStep(source, .copy(source.name, from: .source)))
    }
    return steps
  }
}
