import HybridizeCompute
import HybridizeCore

/// The teacher's attention, cut to the last tokens and the first: a cache that does not grow, and nothing new to learn.
///
/// Keys keep the rotation of their position in the text.
public struct SlidingWindowAttentionOptions: MixerSpecification, Equatable {
  public static let name = "sliding-window-attention"
  public static let layerType = "sliding_attention"
  public var isSoftmax: Bool { false }

  /// Tokens that each token sees, itself among them.
  public var window = 1024
  /// First tokens of the text that all see.
  public var sinks = 4

  public init() {}

  public var json: JSONObject {
    ["mixer": .string(Self.name), "window": .integer(window), "sinks": .integer(sinks)]
  }

  public init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    window = try fields.optionalInteger("window", in: 1...1 << 24) ?? window
    sinks = try fields.optionalInteger("sinks", in: 0...1 << 14) ?? sinks
    try fields.finish()
  }

  public func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    SoftmaxAttentionSpecification().tensors(model)
  }

  public func keyValueHeads(_ model: ModelConfiguration) -> Int { model.keyValueHeads }

  public func memory(_ model: ModelConfiguration) -> MixerMemory {
    MixerMemory(
      elementsPerToken: 2 * model.keyValueHeads * model.headDimension, fixedElements: 0,
      mostTokens: attentionWindow.mostTokensKept)
  }

  /// Scores and weighted sums over the keys that each token sees.
  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int {
    let keys = positions.reduce(0) { $0 + min($1 + 1, window + min(sinks, max(0, $1 + 1 - window))) }
    return 4 * model.heads * model.headDimension * keys
  }

  public func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    try SoftmaxAttentionSpecification().load(weights, model, window: attentionWindow)
  }

  private var attentionWindow: AttentionWindow { AttentionWindow(size: window, sinks: sinks) }
}
