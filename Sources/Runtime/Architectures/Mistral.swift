import HybridizeCore

extension Architecture {
  /// Mistral without a sliding window; with one it would compute something else, and is refused.
  public static let mistral = Architecture(
    name: "mistral", modelTypes: ["mistral"], tensors: TensorNames(),
    requiredValues: ["hidden_act": .string("silu"), "sliding_window": .null])
}
