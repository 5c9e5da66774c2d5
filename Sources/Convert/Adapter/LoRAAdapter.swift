import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// A LoRA adapter as it lies on disk, in the form that peft saves, matched with the model that it changes.
public struct LoRAAdapter: Sendable {
  /// What becomes of one tensor of the model: exchanged first, then added to.
  struct Change: Sendable {
    /// The adapter's tensor that takes its place.
    var replacement: String?
    /// Matrices whose product is added.
    var product: Product?
    /// The adapter's tensor that is added to a bias, with its factor.
    var addition: (tensor: String, scale: Double)?
  }

  struct Product: Sendable {
    /// `[rank, inputs]`; of an embedding `[rank, vocabulary]`.
    let first: String
    /// `[outputs, rank]`; of an embedding `[width, rank]`.
    let second: String
    let rank: Int
    let scale: Double
    /// The weight is the transposed product.
    let isEmbedding: Bool
  }

  /// Tensors of the model that the adapter adds to.
  public let merged: [String]
  /// Tensors of the model that the adapter has whole.
  public let replaced: [String]
  let reader: any TensorReader
  /// By the model's name.
  let changes: [UTF8Key: Change]
  /// SHA-256 of configuration and weights, for the manifest: no path is in it.
  let digests: (configuration: String, weights: String)

  /// Opens the adapter and finds what it changes.
  ///
  /// - Throws: `.unreadable`, `.pickledAdapter`, what `LoRAConfiguration` throws; `.adapterTensor` for a tensor that belongs
  ///   to no tensor of the model, `.wrongShape`, `.adapterUnties`, `.adapterBaseType`.
  init(_ directory: String, for model: ModelDirectory) throws(HybridizeError) {
    let configurationPath = FileSystem.join(directory, AdapterFiles.configuration)
    guard FileSystem.exists(configurationPath) else {
      throw HybridizeError(
        .unreadable, file: configurationPath, expected: "the configuration of an adapter", found: "no such file",
        remedy: "give the directory that peft has saved the adapter in")
    }
    let configuration: LoRAConfiguration
    do throws(HybridizeError) {
      guard let json = try ModelDirectory.readJSON(configurationPath).objectValue else {
        throw HybridizeError(.wrongField, expected: "an object")
      }
      configuration = try LoRAConfiguration(json)
    } catch { throw error.inFile(configurationPath) }
    let path = try AdapterFiles.weights(in: directory)
    let reader = try SafetensorsReader(path)
    do throws(HybridizeError) {
      changes = try Self.changes(reader, configuration, model)
    } catch { throw error.inFile(error.problem == .adapterPattern ? configurationPath : path) }
    self.reader = reader
    let names = model.reader.tensors.map(\.name)
    let changes = changes
    merged = names.filter { name in changes[UTF8Key(name)].map { $0.product != nil || $0.addition != nil } ?? false }
    replaced = names.filter { changes[UTF8Key($0)]?.replacement != nil }
    digests = (try SHA256.hash(file: configurationPath), try SHA256.hash(file: path))
  }

  /// The model with its weights as the adapter leaves them.
  func applied(to model: ModelDirectory) -> ModelDirectory {
    var changed = model
    changed.reader = AdaptedReader(model.reader, self)
    return changed
  }

  private static func changes(
    _ reader: any TensorReader, _ configuration: LoRAConfiguration, _ model: ModelDirectory
  ) throws(HybridizeError) -> [UTF8Key: Change] {
    var collector = LoRACollector(model)
    for tensor in reader.tensors { try collector.take(tensor) }
    guard !reader.tensors.isEmpty else { throw HybridizeError(.adapterTensor, expected: "tensors", found: "none") }
    return try collector.changes(reader, configuration)
  }
}

/// An adapter in reports.
extension LoRAAdapter {
  /// For people.
  var summary: String {
    "LoRA, merged into \(NumberText.counted(merged.count, "tensor"))"
      + (replaced.isEmpty ? "" : ", in place of \(NumberText.counted(replaced.count, "tensor"))")
  }

  var json: JSONObject {
    ["merged": .array(merged.map { .string($0) }), "replaced": .array(replaced.map { .string($0) })]
  }

  /// What tells one adapter from another, and which tensors are no longer the source's.
  var manifest: JSONObject {
    var object = json
    object["config_sha256"] = .string(digests.configuration)
    object["weights_sha256"] = .string(digests.weights)
    return object
  }
}

extension Problem {
  public static let adapterTensor = Problem(
    "adapterTensor", .inputFile, "a tensor of the adapter has no place in the model")
  public static let adapterUnties = Problem(
    "adapterUnties", .inputFile, "the adapter would make two tensors of the embedding and the head, which are one")
  public static let adapterBaseType = Problem(
    "adapterBaseType", .inputFile, "nothing can be added to a tensor of this element type")
}
