import HybridizeCore

extension KerasHubConfiguration {
  /// KerasHub's config.json for a configuration of Hugging Face: the inverse of `huggingFace`.
  ///
  /// - Parameter elementType: of the weights, in which the model then computes.
  /// - Throws: `.kerasHubNoCounterpart` for a model that KerasHub cannot compute, `.missingField`.
  public static func keras(
    _ configuration: JSONObject, elementType: ElementType
  ) throws(HybridizeError) -> JSONObject {
    let family = try KerasHubFamily.of(configuration)
    let name = snakeCase(family.writtenClass)
    var arguments: JSONObject = [
      "name": .string(name), "trainable": .bool(true), "dtype": .object(try policy(elementType)),
    ]
    if family.modelType == "gpt2" {
      try addGPT2(configuration, to: &arguments)
    } else {
      try addLlama(configuration, family.modelType, to: &arguments)
    }
    let folder = family.decoder.replacing("_transformer_decoder", with: "")
    let module =
      switch family.modelType {
      case "gpt2": "gpt2"
      case "llama": "llama3"
      default: folder
      }
    return [
      "module": .string("keras_hub.src.models.\(module).\(name)"), "class_name": .string(family.writtenClass),
      "config": .object(arguments), "registered_name": .string("keras_hub>\(family.writtenClass)"),
    ]
  }

  /// `QwenBackbone` is `qwen_backbone`.
  private static func snakeCase(_ name: String) -> String {
    name.replacing("Backbone", with: "_backbone").lowercased()
  }

  private static func policy(_ elementType: ElementType) throws(HybridizeError) -> JSONObject {
    let names: [ElementType: String] = [
      .float32: "float32", .float16: "float16", .bfloat16: "bfloat16", .float64: "float64",
    ]
    guard let name = names[elementType] else { throw noCounterpart("weights of floating point", elementType.rawValue) }
    return [
      "module": .string("keras"), "class_name": .string("DTypePolicy"), "config": .object(["name": .string(name)]),
      "registered_name": .null,
    ]
  }

  private static func addGPT2(_ configuration: JSONObject, to arguments: inout JSONObject) throws(HybridizeError) {
    try demand(configuration, "activation_function", .string("gelu_new"))
    try demand(configuration, "layer_norm_epsilon", 1e-5)
    try demand(configuration, "tie_word_embeddings", .bool(true))
    try demand(configuration, "scale_attn_weights", .bool(true))
    try demand(configuration, "scale_attn_by_inverse_layer_idx", .bool(false))
    for (keras, huggingFace) in gpt2Names where keras != "intermediate_dim" {
      arguments[keras] = try field(configuration, huggingFace)
    }
    guard let width = configuration["n_embd"]?.integerValue else { throw missing("n_embd") }
    let inner = configuration["n_inner"] ?? .null
    arguments["intermediate_dim"] = inner.isNull ? .integer(4 * width) : inner
    arguments["dropout"] = configuration["resid_pdrop"] ?? .double(0.1)
  }

  private static func addLlama(
    _ configuration: JSONObject, _ modelType: String, to arguments: inout JSONObject
  ) throws(HybridizeError) {
    if configuration["hidden_act"] != .string("swish") { try demand(configuration, "hidden_act", .string("silu")) }
    try demand(configuration, "attention_bias", .bool(modelType == "qwen2"))
    try demand(configuration, "mlp_bias", .bool(false))
    try demand(configuration, "partial_rotary_factor", 1)
    let optional = ["head_dim", "rope_theta", "tie_word_embeddings", "num_key_value_heads"]
    for (keras, huggingFace) in names where !optional.contains(huggingFace) {
      arguments[keras] = try field(configuration, huggingFace)
    }
    let groups = configuration["num_key_value_heads"] ?? .null
    arguments["num_key_value_heads"] = groups.isNull ? try field(configuration, "num_attention_heads") : groups
    try addHeadSize(configuration, modelType, to: &arguments)
    try addRotary(configuration, modelType, to: &arguments)
    arguments["dropout"] = .integer(0)
    if modelType == "mistral" {
      // Hugging Face's default of Mistral is untied as well.
      try demand(configuration, "tie_word_embeddings", .bool(false))
      // Where Mistral's configuration does not speak of a window it means this one.
      arguments["sliding_window"] = configuration["sliding_window"] ?? .integer(4096)
      return
    }
    arguments["tie_word_embeddings"] = configuration["tie_word_embeddings"] ?? .bool(false)
    guard modelType != "llama" else { return }
    // Hugging Face has a window in some layers only.
    try demand(configuration, "use_sliding_window", .bool(false))
    if modelType == "qwen2" { arguments["use_sliding_window_attention"] = .bool(false) }
    arguments["sliding_window_size"] = .null
  }

  private static func addHeadSize(
    _ configuration: JSONObject, _ modelType: String, to arguments: inout JSONObject
  ) throws(HybridizeError) {
    guard let width = configuration["hidden_size"]?.integerValue,
      let heads = configuration["num_attention_heads"]?.integerValue, heads > 0
    else { throw missing("hidden_size and num_attention_heads") }
    // What Qwen 3 has where it says nothing.
    let usual = modelType == "qwen3" ? 128 : width / heads
    let size = configuration["head_dim"]?.integerValue ?? usual
    if modelType == "mistral" || modelType == "qwen3" {
      arguments["head_dim"] = .integer(size)
    } else if size * heads != width {
      throw noCounterpart("head_dim \(width / heads)", "\(size)")
    }
  }

  private static func addRotary(
    _ configuration: JSONObject, _ modelType: String, to arguments: inout JSONObject
  ) throws(HybridizeError) {
    let newer = configuration["rope_parameters"]?.objectValue
    let scaling = newer ?? configuration["rope_scaling"]?.objectValue ?? [:]
    arguments["rope_max_wavelength"] = newer?["rope_theta"] ?? configuration["rope_theta"] ?? .number("10000.0")
    let isLlama = modelType == "llama"
    let factor = isLlama ? "rope_position_scaling_factor" : "rope_scaling_factor"
    arguments[factor] = .number("1.0")
    if isLlama { for (keras, _) in rotaryNames { arguments[keras] = .null } }
    switch (scaling["rope_type"] ?? scaling["type"])?.stringValue ?? "default" {
    case "default": break
    case "linear": arguments[factor] = try field(scaling, "factor")
    case "llama3" where isLlama:
      for (keras, huggingFace) in rotaryNames { arguments[keras] = try field(scaling, huggingFace) }
    case let other:
      throw noCounterpart(isLlama ? "rope_type default, linear or llama3" : "rope_type default or linear", other)
    }
  }

  /// A field may only have this value, which is also what it has if it is not there.
  private static func demand(_ configuration: JSONObject, _ name: String, _ value: JSONValue) throws(HybridizeError) {
    guard let found = configuration[name], !found.isNull, found != value else { return }
    throw noCounterpart("\(name) \(JSONWriter.compact(value))", JSONWriter.compact(found))
  }

  private static func demand(_ configuration: JSONObject, _ name: String, _ value: Double) throws(HybridizeError) {
    guard let found = configuration[name], !found.isNull, found.doubleValue != value else { return }
    throw noCounterpart("\(name) \(value)", JSONWriter.compact(found))
  }

  private static func field(_ object: JSONObject, _ name: String) throws(HybridizeError) -> JSONValue {
    guard let value = object[name], !value.isNull else { throw missing(name) }
    return value
  }

  private static func missing(_ name: String) -> HybridizeError { HybridizeError(.missingField, expected: name) }

  private static func noCounterpart(_ expected: String, _ found: String) -> HybridizeError {
    HybridizeError(
      .kerasHubNoCounterpart, expected: expected, found: found,
      remedy: "write the flat layout, which takes every model")
  }
}
