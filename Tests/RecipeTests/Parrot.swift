import HybridizeRuntime

extension Architecture {
  /// A decoder of the usual build under names of its own.
  static let parrot: Architecture = {
    var names = TensorNames()
    names.embedding = "parrot.words.weight"
    names.layers = "parrot.branches."
    names.query = "talk.query"
    names.key = "talk.key"
    return Architecture(
      name: "parrot", modelTypes: ["parrot"], tensors: names, queryKeyValueBias: .configured("attention_bias"),
      feedForwardBias: .configured("mlp_bias"))
  }()
}
