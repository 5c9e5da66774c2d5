import HybridizeCore

/// The part of config.json that says what each layer of a converted model is:
/// `hybridize: {version, source: {model_type, architectures}, layers: [{mixer, …}]}`, and `ignored_fields` where the
/// source has fields that were ignored by name.
package struct HybridDescription {
  package static let version = 1
  /// config.json's `model_type` of a converted model; no other engine knows it, so none loads the model wrong.
  package static let modelType = "hybridize"
  package static let ignoredFieldsKey = "ignored_fields"

  package let sourceModelType: String
  package let sourceClasses: [String]
  /// Unknown fields beside the description that were ignored by name.
  package let ignoredFields: [String]
  package let mixers: [any MixerSpecification]

  package init(
    sourceModelType: String, sourceClasses: [String], ignoredFields: [String] = [], mixers: [any MixerSpecification]
  ) {
    self.sourceModelType = sourceModelType
    self.sourceClasses = sourceClasses
    self.ignoredFields = ignoredFields
    self.mixers = mixers
  }

  /// `nil` for a model that was not converted.
  ///
  /// - Throws: `.missingField`, `.wrongField`, `.unknownField`, `.unknownMixer`.
  init?(_ fields: inout FieldReader, mixers types: [any MixerSpecification.Type]) throws(HybridizeError) {
    guard let object = try fields.optionalObject("hybridize") else {
      let modelType = try fields.optionalString("model_type")
      guard modelType != Self.modelType else {
        throw fields.missing("hybridize", "the description of the layers")
      }
      return nil
    }
    var inner = FieldReader(object, in: "hybridize")
    guard try inner.integer("version", in: 1...Int.max) == Self.version else {
      throw inner.wrong("version", "\(Self.version); a newer Hybridize wrote this model")
    }
    guard let source = try inner.optionalObject("source") else { throw inner.missing("source", "an object") }
    var sourceFields = FieldReader(source, in: "hybridize.source")
    sourceModelType = try sourceFields.string("model_type")
    sourceClasses = sourceFields.has("architectures") ? try sourceFields.strings("architectures") : []
    sourceFields.accept(["architectures"])
    try sourceFields.finish()
    ignoredFields = inner.has(Self.ignoredFieldsKey) ? try inner.strings(Self.ignoredFieldsKey) : []
    inner.accept([Self.ignoredFieldsKey])
    var mixers: [any MixerSpecification] = []
    for (index, layer) in try inner.array("layers").enumerated() {
      guard let layer = layer.objectValue else {
        throw HybridizeError(.wrongField, expected: "layers[\(index)]: an object", found: layer.kind)
      }
      mixers.append(try MixerRegistry.specification(layer, of: types))
    }
    self.mixers = mixers
    try inner.finish()
  }

  package var json: JSONObject {
    var object: JSONObject = [
      "version": .integer(Self.version),
      "source": .object([
        "model_type": .string(sourceModelType), "architectures": .array(sourceClasses.map { .string($0) }),
      ]),
      "layers": .array(mixers.map { .object($0.json) }),
    ]
    if !ignoredFields.isEmpty { object[Self.ignoredFieldsKey] = .array(ignoredFields.map { .string($0) }) }
    return object
  }
}
