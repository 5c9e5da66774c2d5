import HybridizeCore

extension Architecture {
  /// Qwen 1.5, 2 and 2.5, dense: biases on query, key and value.
  public static let qwen2 = Architecture(
    name: "qwen2", modelTypes: ["qwen2"], tensors: TensorNames(), queryKeyValueBias: .always, defaults: qwenDefaults,
    window: .byLayer, partialRotary: false)

  /// Qwen 3, dense: a norm on each head of query and key.
  public static let qwen3 = Architecture(
    name: "qwen3", modelTypes: ["qwen3"], tensors: TensorNames(), queryKeyValueBias: .configured("attention_bias"),
    outputBias: .configured("attention_bias"), queryKeyNorm: .always,
    defaults: qwenDefaults.merging(["head_dim": .integer(128)]) { $1 }, window: .byLayer, partialRotary: false)

  private static let qwenDefaults: [String: JSONValue] = [
    "vocab_size": .integer(151_936), "hidden_size": .integer(4096), "intermediate_size": .integer(22_016),
    "num_hidden_layers": .integer(32), "num_attention_heads": .integer(32), "num_key_value_heads": .integer(32),
    "max_position_embeddings": .integer(32_768), "rms_norm_eps": .number("1e-06"), "sliding_window": .integer(4096),
    "max_window_layers": .integer(28),
  ]
}
