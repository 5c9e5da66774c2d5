import HybridizeCore

extension Architecture {
  /// Llama 1 to 3 and all that uses its class: SmolLM, TinyLlama, Vicuna and others.
  public static let llama = Architecture(
    name: "llama", modelTypes: ["llama"], tensors: TensorNames(), queryKeyValueBias: .configured("attention_bias"),
    outputBias: .configured("attention_bias"), feedForwardBias: .configured("mlp_bias"),
    requiredValues: ["hidden_act": .silu, "rope_interleaved": .bool(false)],
    defaults: [
      "vocab_size": .integer(32_000), "hidden_size": .integer(4096), "intermediate_size": .integer(11_008),
      "num_hidden_layers": .integer(32), "num_attention_heads": .integer(32),
      "max_position_embeddings": .integer(2048), "rms_norm_eps": .number("1e-06"),
    ], partialRotary: false)
}
