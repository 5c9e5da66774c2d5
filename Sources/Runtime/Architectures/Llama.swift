import HybridizeCore

extension Architecture {
  /// Llama 1 to 3 and all that uses its class: SmolLM, TinyLlama, Vicuna and others.
  public static let llama = Architecture(
    name: "llama", modelTypes: ["llama"], tensors: TensorNames(), queryKeyValueBias: .configured("attention_bias"),
    outputBias: .configured("attention_bias"), feedForwardBias: .configured("mlp_bias"),
    requiredValues: [
      "hidden_act": .string("silu"), "pretraining_tp": .integer(1), "rope_interleaved": .bool(false),
    ])
}
