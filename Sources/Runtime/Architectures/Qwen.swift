import HybridizeCore

extension Architecture {
  /// Qwen 1.5, 2 and 2.5, dense: biases on query, key and value.
  public static let qwen2 = Architecture(
    name: "qwen2", modelTypes: ["qwen2"], tensors: TensorNames(), queryKeyValueBias: .always,
    requiredValues: ["hidden_act": .string("silu"), "use_sliding_window": .bool(false)])

  /// Qwen 3, dense: a norm on each head of query and key.
  public static let qwen3 = Architecture(
    name: "qwen3", modelTypes: ["qwen3"], tensors: TensorNames(), queryKeyValueBias: .configured("attention_bias"),
    outputBias: .configured("attention_bias"), queryKeyNorm: .always,
    requiredValues: ["hidden_act": .string("silu"), "use_sliding_window": .bool(false)])
}
