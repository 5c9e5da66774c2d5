import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// What a checkpoint is, by its headers alone: no weight is read.
public struct Inspection: Sendable {
  public let path: String
  public let format: String
  public let files: [String]
  public let tensors: [TensorDescriptor]
  public let metadata: [(key: String, value: String)]
  /// `nil` for a checkpoint without a config.json, and for a file beside one of a family that is not known.
  public let model: ModelSummary?
  /// What is wrong with the book-keeping around the tensors.
  public let warnings: [String]
  /// How the checkpoint's tensors and the model's find each other; `nil` without a model.
  public let names: CheckpointNames?
  /// The checkpoint as its files have it.
  package let reader: any TensorReader

  public var parameters: Int { tensors.reduce(0) { $0 + ((try? $1.shape.elementCount()) ?? 0) } }
  public var bytes: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// - Throws: what opening the checkpoint throws; with a config.json, also what `ModelDirectory` throws.
  public init(_ path: String, catalog: Catalog = .standard) throws(HybridizeError) {
    if let opened = try Self.model(path, catalog) {
      reader = opened.stored
      model = ModelSummary(opened)
      names = opened.names
    } else {
      reader = try FormatRegistry.open(path, formats: catalog.formats)
      model = nil
      names = nil
    }
    warnings = reader.warnings
    self.path = path
    format = reader.formatName
    files = reader.files
    tensors = reader.tensors
    metadata = reader.metadata
  }

  /// The model at `path`, if a config.json says that it is one. A file of a family that is not known is looked at
  /// without its model; a directory promises one, so there it is an error.
  private static func model(_ path: String, _ catalog: Catalog) throws(HybridizeError) -> ModelDirectory? {
    let isDirectory = FileSystem.isDirectory(path)
    let directory = isDirectory ? path : FileSystem.directory(of: path)
    if isDirectory { try AdapterFiles.check(path, isMerged: false) }
    guard FileSystem.exists(path), FileSystem.exists(directory + "/config.json") else { return nil }
    // An adapter's tensors alone, beside whatever model.
    if !isDirectory, FileSystem.name(of: path) == AdapterFiles.weights { return nil }
    do throws(HybridizeError) { return try ModelDirectory(path, catalog: catalog) } catch {
      guard error.problem == .unsupportedArchitecture else { throw error }
      guard isDirectory else { return nil }
      var explained = error
      explained.remedy = "give the path of a weights file to see its tensors alone"
      throw explained
    }
  }
}

/// Sizes and costs of a model, layer by layer.
public struct ModelSummary: Sendable {
  public struct Layer: Sendable, Equatable {
    public let index: Int
    public let mixer: String
    public let heads: Int
    public let keyValueHeads: Int
    public let parameters: Int
    /// Bytes of the layer's weights.
    public let bytes: Int
    public let memory: MixerMemory
    /// Tokens that each token sees, itself among them; `nil` where it sees all, or a state instead.
    public let window: Int?
    /// Tokens from which this layer's KV cache is larger than the state of a gated DeltaNet in its place;
    /// `nil` for a layer whose cache never is, or that has none.
    public let breakEvenContext: Int?

    /// Bytes that the layer's cache comes to; `nil` for a layer whose cache always grows, or that has none.
    public var boundedCacheBytes: Int? {
      memory.mostTokens.map { $0 * memory.elementsPerToken * ModelSummary.stateElementBytes }
    }
  }

  public let configuration: ModelConfiguration
  public let layers: [Layer]
  /// Bytes that are mapped when the model is loaded.
  public let weightBytes: Int

  /// Bytes of one element of a cache or state in this runtime: float32.
  public static let stateElementBytes = 4

  init(_ directory: ModelDirectory) {
    configuration = directory.configuration
    let configuration = configuration
    let reader = directory.reader
    layers = zip(directory.layout.layers, configuration.mixers).enumerated().map { index, part in
      let (layout, mixer) = part
      let found = layout.tensors.compactMap { reader.descriptor(named: $0.name) }
      let memory = mixer.memory(configuration)
      return Layer(
        index: index, mixer: type(of: mixer).name, heads: configuration.heads,
        keyValueHeads: mixer.keyValueHeads(configuration),
        parameters: found.reduce(0) { $0 + ((try? $1.shape.elementCount()) ?? 0) },
        bytes: found.reduce(0) { $0 + $1.byteCount }, memory: memory, window: mixer.json["window"]?.integerValue,
        breakEvenContext: Self.breakEven(memory, configuration))
    }
    weightBytes = reader.tensors.reduce(0) { $0 + $1.byteCount }
  }

  private static func breakEven(_ memory: MixerMemory, _ model: ModelConfiguration) -> Int? {
    guard memory.elementsPerToken > 0 else { return nil }
    let state = GatedDeltaNetOptions(keyValueHeads: model.keyValueHeads).memory(model).fixedElements
    let tokens = (state + memory.elementsPerToken - 1) / memory.elementsPerToken
    return tokens <= memory.mostTokens ?? tokens ? tokens : nil
  }

  /// Bytes of caches and states after `tokens` tokens.
  public func stateBytes(tokens: Int) -> Int {
    layers.reduce(0) { $0 + $1.memory.elements(tokens: tokens) } * Self.stateElementBytes
  }

  /// Bytes that caches grow with each token, at any length.
  public var cacheBytesPerToken: Int {
    layers.reduce(0) { $0 + ($1.memory.mostTokens == nil ? $1.memory.elementsPerToken : 0) } * Self.stateElementBytes
  }

  /// Bytes that the caches which end to grow come to.
  public var boundedCacheBytes: Int { layers.reduce(0) { $0 + ($1.boundedCacheBytes ?? 0) } }

  /// Bytes of states that do not grow.
  public var fixedStateBytes: Int { stateBytes(tokens: 0) }
}
