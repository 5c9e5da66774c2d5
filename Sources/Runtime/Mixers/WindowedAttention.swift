import HybridizeCompute
import HybridizeCore

/// The attention of an original model whose layers see only the last tokens, as Mistral 7B v0.1 and some of Qwen have it:
/// token i sees token j where `i - window < j <= i`.
///
/// A layer of this kind is one of the original model's, kept like one that sees all; `SlidingWindowAttentionOptions` is
/// what a layer can be converted into.
public struct WindowedAttentionSpecification: MixerSpecification, Equatable {
  public static let name = "windowed-attention"
  public static let layerType = "sliding_attention"
  public var isSoftmax: Bool { true }

  /// Tokens that each token sees, itself among them.
  public let window: Int

  /// - Precondition: a token sees itself.
  public init(window: Int) {
    precondition(window > 0, "a window of \(window)")
    self.window = window
  }

  public var json: JSONObject { ["mixer": .string(Self.name), "window": .integer(window)] }

  public init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    window = try fields.integer("window", in: 1...1 << 24)
    try fields.finish()
  }

  private var asConverted: SlidingWindowAttentionOptions {
    var options = SlidingWindowAttentionOptions()
    (options.window, options.sinks) = (window, 0)
    return options
  }

  public func tensors(_ model: ModelConfiguration) -> [TensorRequirement] { asConverted.tensors(model) }
  public func keyValueHeads(_ model: ModelConfiguration) -> Int { model.keyValueHeads }
  public func memory(_ model: ModelConfiguration) -> MixerMemory { asConverted.memory(model) }

  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int {
    asConverted.mixingOperations(model, positions)
  }

  public func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    try asConverted.load(weights, model)
  }
}
