import HybridizeCore

/// The form in which `inspect --json` prints an architecture and in which a user gives one:
/// `{"version": 1, "name": …, "model_types": […], "tensors": {…}, "query_key_value_bias": "never", …}`. Every key
/// but the version has its default in `Architecture` or `TensorNames`; unknown keys are errors.
extension Architecture {
  public static let fileVersion = 1

  public var json: JSONObject {
    var object = JSONObject()
    object["version"] = .integer(Self.fileVersion)
    object["name"] = .string(name)
    object["model_types"] = .array(modelTypes.map { .string($0) })
    var names = JSONObject()
    for (key, path) in TensorNames.fields { names[key] = .string(tensors[keyPath: path]) }
    object["tensors"] = .object(names)
    for (key, path) in Self.options { object[key] = self[keyPath: path].json }
    object["tied_by_default"] = .bool(tiedByDefault)
    for (key, path) in Self.values {
      var values = JSONObject()
      for (name, value) in self[keyPath: path].sorted(by: { $0.key < $1.key }) { values[name] = value }
      object[key] = .object(values)
    }
    object["window"] = .string(window.rawValue)
    object["partial_rotary"] = .bool(partialRotary)
    object["derived_tensors"] = .array(derivedTensors.map { .string($0) })
    return object
  }

  /// - Throws: `.missingField`, `.wrongField`, `.unknownField`.
  public init(json object: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(object)
    guard try fields.integer("version", in: 0...Int.max) == Self.fileVersion else {
      throw HybridizeError(.wrongField, expected: "version \(Self.fileVersion)", found: fields.text("version"))
    }
    var names = TensorNames()
    if let given = try fields.optionalObject("tensors") {
      var nameFields = FieldReader(given)
      for (key, path) in TensorNames.fields {
        if let name = try nameFields.optionalString(key) { names[keyPath: path] = name }
      }
      try nameFields.finish()
    }
    self.init(name: try fields.string("name"), modelTypes: try fields.strings("model_types"), tensors: names)
    for (key, path) in Self.options {
      if let text = try fields.optionalString(key) { self[keyPath: path] = Option(text) }
    }
    if let tied = try fields.optionalBool("tied_by_default") { tiedByDefault = tied }
    for (key, path) in Self.values {
      guard let values = try fields.optionalObject(key) else { continue }
      self[keyPath: path] = values.members.reduce(into: [:]) { $0[$1.key] = $1.value }
    }
    if let text = try fields.optionalString("window") {
      guard let window = Window(rawValue: text) else { throw fields.wrong("window", "never, every_layer or by_layer") }
      self.window = window
    }
    if let partial = try fields.optionalBool("partial_rotary") { partialRotary = partial }
    if fields.has("derived_tensors") { derivedTensors = try fields.strings("derived_tensors") }
    try fields.finish()
  }

  private static var values: [(String, WritableKeyPath<Architecture, [String: JSONValue]>)] {
    [("required_values", \.requiredValues), ("defaults", \.defaults)]
  }

  private static var options: [(String, WritableKeyPath<Architecture, Option>)] {
    [
      ("query_key_value_bias", \.queryKeyValueBias), ("output_bias", \.outputBias),
      ("feed_forward_bias", \.feedForwardBias), ("query_key_norm", \.queryKeyNorm),
    ]
  }
}

extension Architecture.Option {
  /// `always`, `never`, or the name of the field of config.json that decides.
  fileprivate init(_ text: String) {
    switch text {
    case "always": self = .always
    case "never": self = .never
    default: self = .configured(text)
    }
  }

  fileprivate var json: JSONValue {
    switch self {
    case .always: .string("always")
    case .never: .string("never")
    case .configured(let field): .string(field)
    }
  }
}

extension TensorNames {
  fileprivate static var fields: [(String, WritableKeyPath<TensorNames, String>)] {
    [
      ("embedding", \.embedding), ("final_norm", \.finalNorm), ("head", \.head), ("layers", \.layers),
      ("mixer_norm", \.mixerNorm), ("query", \.query), ("key", \.key), ("value", \.value), ("output", \.output),
      ("query_norm", \.queryNorm), ("key_norm", \.keyNorm), ("feed_forward_norm", \.feedForwardNorm),
      ("gate", \.gate), ("up", \.up), ("down", \.down),
    ]
  }
}
