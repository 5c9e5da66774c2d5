import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// A model as it lies on disk: its configuration and an opened checkpoint. Nothing but headers has been read.
public struct ModelDirectory: Sendable {
  /// The directory.
  public let path: String
  public let configuration: ModelConfiguration
  /// The checkpoint as its files have it.
  public let stored: any TensorReader
  /// The checkpoint as the model reads it.
  public package(set) var reader: any TensorReader
  /// In what the two differ.
  public let names: CheckpointNames
  public let layout: ModelLayout
  /// Tensors of the checkpoint that follow from the others: see `ModelLayout.check`.
  public let derivedTensors: [String]
  /// Whether `tokenizer()` puts the tokens around a text that its post-processor has.
  public let addsSpecialTokens: Bool

  /// Files beside the weights that belong to a model and are copied byte for byte with it.
  public static let companionFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json", "generation_config.json",
    "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE", "NOTICE.txt",
  ]

  /// Opens a directory, a Hugging Face cache snapshot, or a checkpoint file with its config.json beside it, and
  /// checks names and shapes of all tensors against the configuration.
  ///
  /// - Parameter mergesAdapter: the caller merges an adapter beside the weights; otherwise it is an error.
  /// - Throws: what reading config.json and the checkpoint's header can throw, what `CheckpointNames` and
  ///   `ModelLayout.check` throw; `.adapterAlone`, `.adapterBesideWeights`, `.otherFormat`.
  public init(
    _ path: String, catalog: Catalog = .standard, mergesAdapter: Bool = false
  ) throws(HybridizeError) {
    guard FileSystem.exists(path) else {
      throw HybridizeError(.unreadable, file: path, expected: "a model", found: "no such file or directory")
    }
    self.path = FileSystem.isDirectory(path) ? path : FileSystem.directory(of: path)
    try AdapterFiles.check(path, isMerged: mergesAdapter)
    if !FileSystem.exists(self.path + "/config.json"), let other = OtherFormat(try FormatCandidate(path)) {
      throw other.error(path)
    }
    addsSpecialTokens = catalog.addsSpecialTokens
    configuration = try Self.readConfiguration(in: self.path, catalog: catalog)
    stored = try FormatRegistry.open(path, formats: catalog.formats)
    layout = ModelLayout(configuration)
    names = try CheckpointNames(stored, layout, configuration)
    reader = names.reader(over: stored)
    derivedTensors = try layout.check(reader, configuration)
  }

  /// config.json of a directory: Hugging Face's, or a KerasHub preset's, which is read as the one that corresponds.
  public static func readConfiguration(
    in directory: String, catalog: Catalog = .standard
  ) throws(HybridizeError) -> ModelConfiguration {
    let path = directory + "/config.json"
    guard FileSystem.exists(path) else {
      throw HybridizeError(
        .unreadable, file: path, expected: "config.json beside the weights", found: "no such file",
        remedy: "give the directory of a whole model; config.json comes from where the weights come from")
    }
    var catalog = catalog
    catalog.ignoredFields.formUnion(try ignoredFields(in: directory))
    return try readObject(path) { (object) throws(HybridizeError) in
      let configuration = try KerasHubConfiguration.huggingFace(object) ?? object
      return try ModelConfiguration(json: configuration, catalog: catalog)
    }
  }

  /// What a manifest says of a copy whose config.json is the source's, byte for byte: fields that were ignored when it was
  /// made. A converted model's config.json says it itself.
  private static func ignoredFields(in directory: String) throws(HybridizeError) -> [String] {
    let path = FileSystem.join(directory, manifestFile)
    guard FileSystem.exists(path), FileSystem.kind(path) == .file, let manifest = try readJSON(path).objectValue else {
      return []
    }
    return manifest["recipe"]?.objectValue?[HybridDescription.ignoredFieldsKey]?.arrayValue?.compactMap(\.stringValue)
      ?? []
  }

  /// What a converted model says of its making.
  package static let manifestFile = "hybridize.json"

  /// What is worth knowing about the checkpoint and stops nothing, a line each: its index, names, what is not read.
  public var notes: [String] { stored.warnings.map { "warning: \($0)" } + names.notes }

  /// Tells whoever shows progress what is worth knowing.
  @discardableResult
  public func noting(_ progress: Progress) -> ModelDirectory {
    for note in notes { progress.note("\(ErrorText.escape(FileSystem.name(of: path))): \(note)") }
    return self
  }

  /// All of the checkpoint under the model's names, also what the model does not read.
  package var everything: any TensorReader { names.reader(over: stored, keepingUnread: true) }

  /// Tokens that end what is generated: those of generation_config.json, which a model for chats may have more of; of
  /// config.json if it names none; or else the `eos_token` of tokenizer_config.json.
  ///
  /// - Throws: what reading a JSON document can throw, `.wrongField`.
  public func endTokens() throws(HybridizeError) -> [Int] {
    let generation = path + "/generation_config.json"
    if FileSystem.exists(generation) {
      let tokens = try Self.readObject(generation) { (object) throws(HybridizeError) in
        var fields = FieldReader(object)
        return try ModelConfiguration.endTokens(&fields)
      }
      if !tokens.isEmpty { return tokens }
    }
    return configuration.endTokens.isEmpty ? try textEndTokens() : configuration.endTokens
  }

  /// What `read` makes of a file's JSON object. Errors name the file.
  private static func readObject<Result>(
    _ path: String, _ read: (JSONObject) throws(HybridizeError) -> Result
  ) throws(HybridizeError) -> Result {
    let value = try readJSON(path)
    do throws(HybridizeError) {
      guard let object = value.objectValue else {
        throw HybridizeError(.wrongField, expected: "an object", found: value.kind)
      }
      return try read(object)
    } catch { throw error.inFile(path) }
  }

  /// A JSON document of at most 64 MiB, with the numbers that Python alone writes.
  package static func readJSON(_ path: String) throws(HybridizeError) -> JSONValue {
    let bytes = try FileSystem.read(path, limit: 64 << 20)
    do throws(HybridizeError) { return try JSONCursor.parse(bytes, takesNonFinite: true) } catch {
      throw error.inFile(path)
    }
  }

  /// Loads the weights.
  ///
  /// - Parameter parameters: takes the weights that are to be trained; they are not quantised.
  /// - Throws: `.unsupportedElementType`, reading errors, and what `checkTiedHead` throws.
  public func load(
    on backend: any Backend, _ options: LoadOptions = LoadOptions(), training parameters: TrainedParameters? = nil
  ) throws(HybridizeError) -> Model {
    try checkTiedHead()
    let names = configuration.architecture.tensors
    let tally = LoadTally(options, training: parameters)
    let weights = LayerWeights(reader: reader, backend: backend, tally: tally)
    let embedding = try weights.weight(names.embedding)
    let head = configuration.tiedHead ? embedding : try weights.weight(names.head)
    var blocks: [Block] = []
    for (index, (layer, mixer)) in zip(layout.layers, configuration.mixers).enumerated() {
      let inner = weights.below(layer.prefix)
      let bias = configuration.feedForwardBias
      blocks.append(
        Block(
          index: index, mixerNorm: try inner.weight(names.mixerNorm), mixer: try mixer.load(inner, configuration),
          feedForwardNorm: try inner.weight(names.feedForwardNorm),
          feedForward: FeedForward(
            gate: try inner.projection(names.gate, bias: bias), up: try inner.projection(names.up, bias: bias),
            down: try inner.projection(names.down, bias: bias)),
          normEpsilon: configuration.normEpsilon))
    }
    let finalNorm = try weights.weight(names.finalNorm)
    return Model(
      configuration: configuration, backend: backend, embedding: embedding, blocks: blocks, finalNorm: finalNorm,
      head: head, weights: tally.weights.filter { $0 !== embedding || $0 === head }, cacheType: options.cacheType,
      quantization: tally.quantization)
  }

  /// Reads what headers do not tell: whether a saved copy of a tied head is one.
  ///
  /// - Throws: `.unexpectedTensor`, reading errors.
  package func checkTiedHead() throws(HybridizeError) { try layout.checkTiedHead(reader, configuration) }
}
