import HybridizeCore
import HybridizeFormats

/// Which tensors a configuration asks for, by part. The single place that knows: loading, inspecting and
/// converting all go by it.
public struct ModelLayout: Sendable {
  public struct Layer: Sendable {
    /// For instance `model.layers.3.`.
    public let prefix: String
    /// The mixer's tensors, full names.
    public let mixer: [TensorRequirement]
    /// The layer's norms and feed-forward, full names.
    public let rest: [TensorRequirement]

    public var tensors: [TensorRequirement] { mixer + rest }
  }

  public let embedding: TensorRequirement
  public let layers: [Layer]
  public let finalNorm: TensorRequirement
  /// `nil` where the head is the embedding.
  public let head: TensorRequirement?

  public init(_ model: ModelConfiguration) {
    let names = model.architecture.tensors
    embedding = TensorRequirement(names.embedding, [model.vocabularySize, model.hiddenSize])
    finalNorm = TensorRequirement(names.finalNorm, [model.hiddenSize])
    head = model.tiedHead ? nil : TensorRequirement(names.head, [model.vocabularySize, model.hiddenSize])
    layers = model.mixers.enumerated().map { index, mixer in
      let prefix = names.layerPrefix(index)
      func full(_ tensors: [TensorRequirement]) -> [TensorRequirement] {
        tensors.map { TensorRequirement(prefix + $0.name, $0.shape, keepsPrecision: $0.keepsPrecision) }
      }
      return Layer(prefix: prefix, mixer: full(mixer.tensors(model)), rest: full(Self.rest(model, names)))
    }
  }

  private static func rest(_ model: ModelConfiguration, _ names: TensorNames) -> [TensorRequirement] {
    let hidden = model.hiddenSize
    let inner = model.intermediateSize
    var tensors = [
      TensorRequirement(names.mixerNorm, [hidden]), TensorRequirement(names.feedForwardNorm, [hidden]),
    ]
    for (name, outputs, inputs) in [
      (names.gate, inner, hidden), (names.up, inner, hidden), (names.down, hidden, inner),
    ] {
      tensors.append(TensorRequirement(name + ".weight", [outputs, inputs]))
      if model.feedForwardBias { tensors.append(TensorRequirement(name + ".bias", [outputs])) }
    }
    return tensors
  }

  /// Every tensor, embedding first.
  public var tensors: [TensorRequirement] {
    [embedding] + layers.flatMap(\.tensors) + [finalNorm] + (head.map { [$0] } ?? [])
  }

  /// Multiplications and additions of the layers' matrices for each token; without the head.
  public var operationsPerToken: Int {
    layers.flatMap(\.tensors).reduce(0) { sum, tensor in
      let dimensions = tensor.shape.dimensions
      return dimensions.count == 2 ? sum + 2 * dimensions[0] * dimensions[1] : sum
    }
  }

  /// Compares a checkpoint's headers with the layout: every tensor there, in its shape, and none that nobody asks
  /// for. What the tensors hold is not looked at: see `checkTiedHead`.
  ///
  /// - Returns: names that the checkpoint has beyond the layout and that are known to be derived from the rest:
  ///   a copy of a tied head, saved rotary frequencies.
  /// - Throws: `.missingTensor`, `.wrongShape`, `.unexpectedTensor`.
  @discardableResult
  public func check(_ reader: any TensorReader, _ model: ModelConfiguration) throws(HybridizeError) -> [String] {
    var wanted: Set<UTF8Key> = []
    for tensor in tensors {
      wanted.insert(UTF8Key(tensor.name))
      guard let found = reader.descriptor(named: tensor.name) else {
        throw HybridizeError(
          .missingTensor, file: reader.path, tensor: tensor.name, expected: "a tensor of shape \(tensor.shape)",
          remedy: "config.json and weights do not belong together, or the download is not complete")
      }
      guard found.shape == tensor.shape else {
        throw HybridizeError(
          .wrongShape, file: reader.file(of: tensor.name) ?? reader.path, tensor: tensor.name,
          expected: "\(tensor.shape), by config.json", found: "\(found.shape)")
      }
    }
    var derived: [String] = []
    for tensor in reader.tensors where !wanted.contains(UTF8Key(tensor.name)) {
      let isTiedHead = model.tiedHead && tensor.name == model.architecture.tensors.head
      guard isTiedHead || model.architecture.derivedTensors.contains(where: { tensor.name.hasSuffix($0) }) else {
        throw HybridizeError(
          .unexpectedTensor, file: reader.file(of: tensor.name) ?? reader.path, tensor: tensor.name,
          expected: "only the tensors of a \(model.architecture.name) model with this config.json",
          found: "\(tensor.elementType.rawValue) \(tensor.shape)")
      }
      derived.append(tensor.name)
    }
    return derived
  }

  /// A saved copy of a tied head must be a copy, else the checkpoint contradicts its configuration. This reads the
  /// embedding, so it is for those who read weights anyway.
  ///
  /// - Throws: `.unexpectedTensor`, reading errors.
  package func checkTiedHead(_ reader: any TensorReader, _ model: ModelConfiguration) throws(HybridizeError) {
    let name = model.architecture.tensors.head
    guard model.tiedHead, reader.descriptor(named: name) != nil else { return }
    guard try reader.tensor(named: name).hasSameContent(as: reader.tensor(named: embedding.name)) else {
      throw HybridizeError(
        .unexpectedTensor, file: reader.file(of: name) ?? reader.path, tensor: name,
        expected: "no head of its own, or a copy of \(embedding.name), as tie_word_embeddings is true",
        remedy: "set tie_word_embeddings to false in config.json if the head was trained by itself")
    }
  }
}

extension Problem {
  public static let unexpectedTensor = Problem(
    "unexpectedTensor", .inputFile, "the checkpoint has a tensor that the configuration does not ask for")
}
