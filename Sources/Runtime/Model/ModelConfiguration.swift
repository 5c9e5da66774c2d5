import HybridizeCore

/// What config.json says of a model: its family, its sizes and the mixer of every layer.
public struct ModelConfiguration: Sendable {
  /// config.json as it was read, every field in its place.
  public let source: JSONObject
  public let architecture: Architecture
  public let vocabularySize: Int
  public let hiddenSize: Int
  public let intermediateSize: Int
  public let heads: Int
  public let keyValueHeads: Int
  public let headDimension: Int
  /// Positions that the model was made for.
  public let contextLength: Int
  public let normEpsilon: Double
  public let rotary: RotaryEmbedding
  /// The head is the embedding.
  public let tiedHead: Bool
  public let queryKeyValueBias: Bool
  public let outputBias: Bool
  public let feedForwardBias: Bool
  public let queryKeyNorm: Bool
  /// The mixer of each layer, first layer first.
  public let mixers: [any MixerSpecification]
  /// Tokens that end a text; see also `ModelDirectory.endTokens`.
  public let endTokens: [Int]
  /// Unknown fields that the user has declared to change nothing.
  public let ignoredFields: [String]

  public var layerCount: Int { mixers.count }

  /// Layers that have the attention of the original model.
  public var keptLayers: [Int] { mixers.indices.filter { mixers[$0].isSoftmax } }
  public var convertedLayers: [Int] { mixers.indices.filter { !mixers[$0].isSoftmax } }
}

extension ModelConfiguration {
  /// Reads config.json. Fields that are absent are what transformers takes them for in the family.
  ///
  /// - Parameter catalog: the families and mixers to choose from.
  /// - Throws: `.unsupportedArchitecture`, `.missingField`, `.wrongField`, `.unknownField`, `.uncomputedField`,
  ///   `.wrongLayerCount`.
  public init(json source: JSONObject, catalog: Catalog = .standard) throws(HybridizeError) {
    var fields = FieldReader(source)
    let hybrid = try HybridDescription(&fields, mixers: catalog.mixers)
    let modelType = try fields.optionalString("model_type")
    let architecture = try Self.architecture(hybrid?.sourceModelType ?? modelType, source, of: catalog.architectures)
    fields.defaults = architecture.defaults
    try Self.check(architecture.requiredValues, &fields)

    self.source = source
    self.architecture = architecture
    vocabularySize = try fields.integer("vocab_size", in: 1...1 << 24)
    hiddenSize = try fields.integer("hidden_size", in: 1...1 << 20)
    intermediateSize = try fields.integer("intermediate_size", in: 1...1 << 22)
    heads = try fields.integer("num_attention_heads", in: 1...1 << 14)
    keyValueHeads = try Self.keyValueHeads(&fields, heads: heads)
    headDimension = try Self.headDimension(&fields, hiddenSize: hiddenSize, heads: heads)
    let context = try fields.integer("max_position_embeddings", in: 1...1 << 30)
    normEpsilon = try fields.double("rms_norm_eps", in: 0...1)
    rotary = try RotaryEmbedding(
      &fields, headDimension: headDimension, context: context, turnsPart: architecture.partialRotary)
    contextLength = rotary.contextLength(atLeast: context)
    tiedHead = try fields.optionalBool("tie_word_embeddings") ?? architecture.tiedByDefault
    queryKeyValueBias = try Self.resolve(architecture.queryKeyValueBias, &fields)
    outputBias = try Self.resolve(architecture.outputBias, &fields)
    feedForwardBias = try Self.resolve(architecture.feedForwardBias, &fields)
    queryKeyNorm = try Self.resolve(architecture.queryKeyNorm, &fields)
    endTokens = try Self.endTokens(&fields)
    mixers = try Self.mixers(&fields, hybrid, architecture)
    ignoredFields = try Self.checkOthers(
      fields, ignoring: catalog.ignoredFields.union(hybrid?.ignoredFields ?? []))
    for mixer in mixers {
      let divisor = mixer.keyValueHeads(self)
      guard heads % divisor == 0 else {
        throw HybridizeError(
          .wrongField, expected: "keyValueHeads: a divisor of \(heads) heads", found: "\(divisor)")
      }
    }
  }

  private static func check(
    _ required: [String: JSONValue], _ fields: inout FieldReader
  ) throws(HybridizeError) {
    for (name, value) in required.sorted(by: { $0.key < $1.key }) {
      let found = fields.value(name)
      let allowed = value.arrayValue ?? [value]
      guard found.map(allowed.contains) ?? (!value.isNull || fields.isNull(name)) else {
        throw fields.wrong(name, JSONWriter.compact(allowed[0]) + ", the only value that is computed here")
      }
    }
  }

  /// A null says as many as query heads; absent, it is the family's number.
  private static func keyValueHeads(_ fields: inout FieldReader, heads: Int) throws(HybridizeError) -> Int {
    let name = "num_key_value_heads"
    let given = fields.isNull(name) ? nil : try fields.optionalInteger(name, in: 1...1 << 14)
    fields.accept([name])
    let count = given ?? heads
    guard heads % count == 0 else { throw fields.wrong(name, "a divisor of \(heads)") }
    return count
  }

  private static func headDimension(
    _ fields: inout FieldReader, hiddenSize: Int, heads: Int
  ) throws(HybridizeError) -> Int {
    if let given = try fields.optionalInteger("head_dim", in: 2...1 << 14) {
      guard given % 2 == 0 else { throw fields.wrong("head_dim", "an even number") }
      return given
    }
    guard hiddenSize % heads == 0, hiddenSize / heads % 2 == 0 else {
      throw fields.wrong("hidden_size", "an even multiple of \(heads) heads, or a head_dim")
    }
    return hiddenSize / heads
  }

  private static func resolve(
    _ option: Architecture.Option, _ fields: inout FieldReader
  ) throws(HybridizeError) -> Bool {
    switch option {
    case .always: true
    case .never: false
    case .configured(let field): try fields.optionalBool(field) ?? false
    }
  }

  static func endTokens(_ fields: inout FieldReader) throws(HybridizeError) -> [Int] {
    guard let value = fields.value("eos_token_id") else { return [] }
    let values = value.arrayValue ?? [value]
    let tokens = values.compactMap(\.integerValue)
    guard tokens.count == values.count else { throw fields.wrong("eos_token_id", "token ids") }
    return tokens
  }
}

extension Problem {
  public static let wrongLayerCount = Problem("wrongLayerCount", .inputFile, "the number of layers does not agree")
}
