import HybridizeCore

extension Architecture {
  /// Mistral and all that uses its class. Where `sliding_window` is absent it is 4096; a model without a window says null.
  public static let mistral = Architecture(
    name: "mistral", modelTypes: ["mistral"], tensors: TensorNames(),
    defaults: [
      "vocab_size": .integer(32_000), "hidden_size": .integer(4096), "intermediate_size": .integer(14_336),
      "num_hidden_layers": .integer(32), "num_attention_heads": .integer(32), "num_key_value_heads": .integer(8),
      "max_position_embeddings": .integer(131_072), "rms_norm_eps": .number("1e-06"),
      "sliding_window": .integer(4096),
    ], window: .everyLayer, partialRotary: false)
}
