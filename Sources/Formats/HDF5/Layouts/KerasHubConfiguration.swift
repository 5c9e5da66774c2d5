import HybridizeCore

/// The configuration of a KerasHub preset in Hugging Face's words.
public enum KerasHubConfiguration {
  /// Fields that are called otherwise; one that is missing or null is left out.
  static let names: [(keras: String, huggingFace: String)] = [
    ("vocabulary_size", "vocab_size"), ("hidden_dim", "hidden_size"), ("intermediate_dim", "intermediate_size"),
    ("num_layers", "num_hidden_layers"), ("num_query_heads", "num_attention_heads"),
    ("num_key_value_heads", "num_key_value_heads"), ("head_dim", "head_dim"), ("layer_norm_epsilon", "rms_norm_eps"),
    ("rope_max_wavelength", "rope_theta"), ("tie_word_embeddings", "tie_word_embeddings"),
  ]

  static let gpt2Names: [(keras: String, huggingFace: String)] = [
    ("vocabulary_size", "vocab_size"), ("hidden_dim", "n_embd"), ("intermediate_dim", "n_inner"),
    ("num_layers", "n_layer"), ("num_heads", "n_head"), ("max_sequence_length", "n_positions"),
  ]

  /// The numbers of Llama 3's scaling of the rotation.
  static let rotaryNames = [
    ("rope_frequency_adjustment_factor", "factor"), ("rope_low_freq_factor", "low_freq_factor"),
    ("rope_high_freq_factor", "high_freq_factor"),
    ("rope_pretraining_sequence_length", "original_max_position_embeddings"),
  ]

  /// Fields that change nothing of what the model computes.
  private static let harmless = ["name", "trainable", "dtype", "dropout"]

  /// The positions that the published models of a family were made for: KerasHub does not store them.
  private static let positions = ["llama": 8192, "mistral": 32768, "qwen2": 32768, "qwen3": 40960]

  /// The corresponding config.json of Hugging Face; `nil` if this is not a KerasHub configuration.
  ///
  /// - Throws: `.unknownKerasHubModel` for a class without a map, and for an option that has no counterpart.
  public static func huggingFace(_ configuration: JSONObject) throws(HybridizeError) -> JSONObject? {
    guard let name = configuration["class_name"]?.stringValue, configuration["model_type"] == nil,
      let arguments = configuration["config"]?.objectValue
    else { return nil }
    guard let family = KerasHubFamily.all.first(where: { $0.classes.contains(name) }) else {
      throw HybridizeError(
        .unknownKerasHubModel, expected: KerasHubFamily.all.flatMap(\.classes).joined(separator: ", "), found: name)
    }
    var rest = arguments
    for key in harmless { rest[key] = nil }
    var result: JSONObject = ["model_type": .string(family.modelType)]
    let isGPT2 = family.modelType == "gpt2"
    for (keras, huggingFace) in isGPT2 ? gpt2Names : names {
      if let value = rest[keras], !value.isNull { result[huggingFace] = value }
      rest[keras] = nil
    }
    if isGPT2 {
      result["activation_function"] = .string("gelu_new")
      result["layer_norm_epsilon"] = .number("1e-05")
    } else {
      result["hidden_act"] = .string("silu")
      if result["tie_word_embeddings"] == nil { result["tie_word_embeddings"] = .bool(false) }
      try moveRotary(&rest, into: &result, family.modelType)
      moveWindow(&rest, into: &result, family.modelType)
    }
    for (key, value) in rest.members where !value.isNull {
      throw HybridizeError(
        .unknownKerasHubModel, expected: "arguments of \(name) that are known here",
        found: "\(key): \(JSONWriter.compact(value))")
    }
    return result
  }

  private static func moveRotary(
    _ rest: inout JSONObject, into result: inout JSONObject, _ modelType: String
  ) throws(HybridizeError) {
    for key in ["rope_scaling_factor", "rope_position_scaling_factor"] {
      if let factor = rest[key]?.doubleValue, factor != 1 {
        let scaling: JSONObject = ["rope_type": .string("linear"), "factor": .double(factor)]
        result["rope_scaling"] = .object(scaling)
      }
      rest[key] = nil
    }
    var scaling: JSONObject = ["rope_type": .string("llama3")]
    for (keras, huggingFace) in rotaryNames {
      if let value = rest[keras], !value.isNull { scaling[huggingFace] = value }
      rest[keras] = nil
    }
    let isScaled = scaling.count > 1
    guard !isScaled || (scaling.count == 5 && result["rope_scaling"] == nil) else {
      throw HybridizeError(
        .unknownKerasHubModel, expected: "all four numbers of Llama 3's rotary scaling and no other scaling",
        found: JSONWriter.compact(.object(scaling)))
    }
    if isScaled { result["rope_scaling"] = .object(scaling) }
    result["max_position_embeddings"] = .integer(isScaled ? 131_072 : positions[modelType] ?? 8192)
  }

  private static func moveWindow(_ rest: inout JSONObject, into result: inout JSONObject, _ modelType: String) {
    let isUsed = rest["use_sliding_window_attention"]?.boolValue ?? true
    rest["use_sliding_window_attention"] = nil
    let window = rest["sliding_window"] ?? rest["sliding_window_size"] ?? .null
    rest["sliding_window"] = nil
    rest["sliding_window_size"] = nil
    if modelType == "mistral" {
      result["sliding_window"] = window
    } else if modelType != "llama" {
      result["use_sliding_window"] = .bool(isUsed && !window.isNull)
      if isUsed, !window.isNull {
        result["sliding_window"] = window
        // KerasHub has it in all layers.
        result["max_window_layers"] = .integer(0)
      }
    }
  }
}

extension Problem {
  public static let unknownKerasHubModel = Problem(
    "unknownKerasHubModel", .inputFile, "this KerasHub model has no counterpart here")
}
