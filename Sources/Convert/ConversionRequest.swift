import HybridizeCore
import HybridizeRuntime

/// What a user asks of a conversion.
public struct ConversionRequest: Sendable {
  /// Which layers stay softmax attention.
  public enum Keep: Sendable {
    case all
    case layers([Int])
  }

  public let source: String
  public let keep: Keep
  /// The mixer of converted layers, for instance `gated-deltanet`.
  public let mixer: String
  public let choice: MixerChoice
  /// How new gates start; `nil` as the preset says.
  public let gates: GateInitialisation?
  /// The type that weights are rounded to; `nil` as in the source. Decay parameters and what is no floating-point number
  /// stay as they are.
  public let elementType: ElementType?
  public let format: OutputFormat
  /// Bytes of tensors in one file, at most, where the format has several.
  public let shardBytes: Int
  /// Where the data of a safetensors file begins: at a multiple of so many bytes.
  public let alignment: Int
  /// A converted model of the same source whose mixers are taken instead of new ones.
  public let mixersFrom: String?
  /// The directory of a LoRA adapter that is merged into the source's weights first.
  public let adapter: String?
  public let seed: UInt64
  /// How `keep` was chosen, for the manifest; `nil` if somebody named the layers.
  public var selection: JSONObject?

  /// What Hugging Face's hub library takes.
  public static let defaultShardBytes = 5_000_000_000

  /// - Precondition: `shardBytes` is positive.
  public init(
    source: String, keep: Keep, mixer: String = GatedDeltaNetOptions.name,
    choice: MixerChoice = MixerChoice(preset: .best), gates: GateInitialisation? = nil,
    elementType: ElementType? = nil, format: OutputFormat = .safetensors, shardBytes: Int = defaultShardBytes,
    alignment: Int = 8,
    mixersFrom: String? = nil, adapter: String? = nil, seed: UInt64 = 0
  ) {
    self.source = source
    self.keep = keep
    self.mixer = mixer
    self.choice = choice
    self.gates = gates
    self.elementType = elementType
    self.format = format
    self.shardBytes = shardBytes
    self.alignment = alignment
    self.mixersFrom = mixersFrom
    self.adapter = adapter
    self.seed = seed
  }

  /// The layers to keep.
  func layers(_ model: ModelConfiguration) -> [Int] {
    switch keep {
    case .all: model.keptLayers
    case .layers(let layers): layers
    }
  }
}
