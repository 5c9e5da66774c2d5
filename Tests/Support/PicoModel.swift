import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// A model with random weights that a test makes on the spot: config.json and tensors as values, to be changed before
/// they are written.
package struct PicoModel {
  package let architecture: Architecture
  package var config: JSONValue
  package var tensors: [StoredTensor]

  /// - Parameters:
  ///   - biases: set the fields of config.json that give this family biases, if it has any.
  ///   - mixers: the mixer of each layer; softmax attention in all unless given.
  ///   - fields: further fields of config.json, or others than here.
  package init(
    _ architecture: Architecture = .llama, layers: Int = 2, tied: Bool = true, biases: Bool = false,
    elementType: ElementType = .float32, mixers: [any MixerSpecification]? = nil, fields: JSONObject = [:],
    seed: UInt64 = 1
  ) throws(HybridizeError) {
    self.architecture = architecture
    var config: JSONObject = [
      "model_type": .string(architecture.modelTypes[0]), "hidden_size": .integer(16),
      "intermediate_size": .integer(24), "num_hidden_layers": .integer(mixers?.count ?? layers),
      "num_attention_heads": .integer(4), "num_key_value_heads": .integer(2), "head_dim": .integer(6),
      "max_position_embeddings": .integer(2048), "rms_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "vocab_size": .integer(40), "tie_word_embeddings": .bool(tied), "eos_token_id": .integer(39),
    ]
    for (name, value) in architecture.requiredValues.sorted(by: { $0.key < $1.key }) {
      config[name] = value.arrayValue?.first ?? value
    }
    if architecture.window == .everyLayer { config["sliding_window"] = .null }
    for option in [architecture.queryKeyValueBias, architecture.outputBias, architecture.feedForwardBias] {
      if case .configured(let field) = option { config[field] = .bool(biases) }
    }
    if let mixers {
      let description = HybridDescription(
        sourceModelType: architecture.modelTypes[0], sourceClasses: [], mixers: mixers)
      config["model_type"] = .string(HybridDescription.modelType)
      config["hybridize"] = .object(description.json)
    }
    for (name, value) in fields.members { config[name] = value }
    self.config = .object(config)
    let model = try ModelConfiguration(json: config, catalog: Catalog(architectures: [architecture]))
    tensors = ModelLayout(model).tensors.map { Self.random($0, elementType, seed: seed) }
  }

  /// A layer of every mixer, each with all that remembers: convolutions, and a window that is soon full.
  package static func everyMixer(window: Int = 24, sinks: Int = 3) -> [any MixerSpecification] {
    var windowed = SlidingWindowAttentionOptions()
    (windowed.window, windowed.sinks) = (window, sinks)
    var delta = GatedDeltaNetOptions(keyValueHeads: 2)
    (delta.rotary, delta.convolution) = (true, 4)
    var linear = GatedLinearAttentionOptions(keyValueHeads: 2)
    (linear.rotary, linear.convolution) = (true, 3)
    let kimi = KimiDeltaAttentionOptions(keyValueHeads: 2, decayRank: 5, gateRank: 7)
    return [SoftmaxAttentionSpecification(), windowed, delta, linear, kimi]
  }

  /// Gains near one, all else of a size that keeps activations near one.
  private static func random(_ tensor: TensorRequirement, _ type: ElementType, seed: UInt64) -> StoredTensor {
    var generator = SeededGenerator(seed: seed, stream: tensor.name)
    let dimensions = tensor.shape.dimensions
    let isGain = tensor.name.hasSuffix("norm.weight") || tensor.name.hasSuffix("norm_swish_gate.weight")
    let width = dimensions.count > 1 ? (3 / Double(dimensions[dimensions.count - 1])).squareRoot() : 0.5
    let values = (0..<dimensions.reduce(1, *)).map { _ in (isGain ? 1 : 0) + generator.uniform(-width, width) }
    return StoredTensor(encoding: values, as: type, shape: tensor.shape, name: tensor.name)
  }

  /// Exchanges a tensor for one of the same name, or adds it.
  package mutating func set(_ tensor: StoredTensor) {
    tensors.removeAll { $0.name == tensor.name }
    tensors.append(tensor)
  }

  package mutating func set(_ name: String, _ values: [Double], as type: ElementType = .float64, shape: Shape) {
    set(StoredTensor(encoding: values, as: type, shape: shape, name: name))
  }

  package subscript(name: String) -> StoredTensor { tensors.first { $0.name == name }! }

  /// Writes `config.json` and `model.safetensors`.
  package func write(to directory: TemporaryDirectory) throws(HybridizeError) {
    var descriptors: [TensorDescriptor] = []
    for tensor in tensors {
      descriptors.append(
        try TensorDescriptor(name: tensor.name, elementType: tensor.elementType, shape: tensor.shape))
    }
    let weights = try SafetensorsWriter(
      directory.path("model.safetensors"), tensors: descriptors, replacing: true)
    for descriptor in weights.tensors { try weights.write(self[descriptor.name]) }
    _ = try weights.finish()
    directory.write("config.json", config.bytes)
  }

  /// Writes the model and opens it again.
  package func open(in directory: TemporaryDirectory) throws(HybridizeError) -> ModelDirectory {
    try write(to: directory)
    return try ModelDirectory(directory.path, catalog: Catalog(architectures: [architecture]))
  }

  /// Writes the model and loads it; what a backend maps outlives the directory.
  package func load(
    on backend: any Backend, _ options: LoadOptions = LoadOptions()
  ) throws(HybridizeError) -> Model {
    try open(in: TemporaryDirectory()).load(on: backend, options)
  }
}
