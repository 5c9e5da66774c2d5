import HybridizeCompute
import HybridizeCore

/// What the mixer of one layer is, without its weights: enough to plan, inspect and load it.
public protocol MixerSpecification: Sendable {
  /// The name in config.json, for instance `gated-deltanet`.
  static var name: String { get }
  /// The value in transformers' `layer_types`.
  static var layerType: String { get }
  /// The attention of the original model: over the whole context, or over the window that it has there.
  var isSoftmax: Bool { get }
  /// The entry of `hybridize.layers`.
  var json: JSONObject { get }
  /// - Throws: `.missingField`, `.wrongField`, `.unknownField`.
  init(json: JSONObject) throws(HybridizeError)

  /// The tensors below the layer's prefix, in the order of the forward pass.
  func tensors(_ model: ModelConfiguration) -> [TensorRequirement]
  /// Heads of key and value.
  func keyValueHeads(_ model: ModelConfiguration) -> Int
  /// What the mixer keeps between tokens, in elements.
  func memory(_ model: ModelConfiguration) -> MixerMemory
  /// Multiplications and additions between tokens, beyond the linear layers, for tokens at `positions`. Recurrences count
  /// step by step: a form that takes several tokens at once computes more. 0 unless a mixer says otherwise.
  func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int
  /// - Throws: what `LayerWeights` throws.
  func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer
}

extension MixerSpecification {
  public func mixingOperations(_ model: ModelConfiguration, _ positions: Range<Int>) -> Int { 0 }
}

/// What a mixer keeps between tokens, for one sequence, in elements of the runtime's state type.
public struct MixerMemory: Sendable, Equatable {
  /// Grows with every token: keys and values.
  public let elementsPerToken: Int
  /// The same at every length: a recurrent state.
  public let fixedElements: Int
  /// Tokens after which it grows no more; `nil` where it always grows.
  public let mostTokens: Int?

  public init(elementsPerToken: Int, fixedElements: Int, mostTokens: Int? = nil) {
    self.elementsPerToken = elementsPerToken
    self.fixedElements = fixedElements
    self.mostTokens = mostTokens
  }

  public func elements(tokens: Int) -> Int { elementsPerToken * min(tokens, mostTokens ?? tokens) + fixedElements }
}

/// A tensor that a model must have.
public struct TensorRequirement: Sendable, Equatable {
  public let name: String
  public let shape: Shape
  /// In single precision whatever the rest is: a narrower type would lose what training changes in it.
  public let keepsPrecision: Bool

  public init(_ name: String, _ shape: Shape, keepsPrecision: Bool = false) {
    self.name = name
    self.shape = shape
    self.keepsPrecision = keepsPrecision
  }
}

/// The mixers that a layer can have. A new one is its file, its transfer rule and a line here.
public enum MixerRegistry {
  public static let all: [any MixerSpecification.Type] = [
    SoftmaxAttentionSpecification.self, WindowedAttentionSpecification.self, GatedDeltaNetOptions.self,
    GatedLinearAttentionOptions.self, KimiDeltaAttentionOptions.self, SlidingWindowAttentionOptions.self,
  ]

  /// The specification that an entry of `hybridize.layers` describes.
  ///
  /// - Throws: `.unknownMixer`, and what the specification throws.
  static func specification(
    _ json: JSONObject, of types: [any MixerSpecification.Type]
  ) throws(HybridizeError) -> any MixerSpecification {
    var fields = FieldReader(json)
    let name = try fields.string("mixer")
    guard let type = types.first(where: { $0.name == name }) else {
      throw HybridizeError(.unknownMixer, expected: types.map { $0.name }.joined(separator: ", "), found: name)
    }
    return try type.init(json: json)
  }
}

extension Problem {
  public static let unknownMixer = Problem("unknownMixer", .inputFile, "the token mixer is not known")
}
