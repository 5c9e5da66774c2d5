import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// `hybridize.json`, what a converted model says of its making: source with hashes, recipe, plan, files. It holds no
/// time and no path, so that the same inputs give the same bytes.
package enum Manifest {
  package static let fileName = ModelDirectory.manifestFile
  package static let schema = JSONValue.string("hybridize.manifest/1")
  package static let tool = JSONValue.object([
    "name": .string("hybridize"), "version": .string(HybridizeVersion.current),
  ])

  /// The manifest in a directory; `nil` if there is none.
  ///
  /// - Throws: `.unreadable`, JSON problems.
  package static func read(in directory: String) throws(HybridizeError) -> JSONValue? {
    let path = FileSystem.join(directory, fileName)
    guard FileSystem.exists(path) else { return nil }
    let bytes = try FileSystem.read(path, limit: 1 << 28)
    do throws(HybridizeError) { return try JSONCursor.parse(bytes) } catch { throw error.inFile(path) }
  }

  /// - Parameter tensors: in the order of their data.
  /// - Parameter products: what was made of each.
  /// - Throws: `.unreadable`.
  static func json(
    _ conversion: Conversion, files: [WrittenEntry], tensors: [TensorDescriptor],
    _ products: [UTF8Key: TensorProduction.Product]
  ) throws(HybridizeError) -> JSONObject {
    let accounting = conversion.accounting
    return [
      "schema": schema, "tool": tool,
      "source": .object([
        "model_type": .string(conversion.source.configuration.architecture.name),
        "files": try Self.files(of: conversion.source),
      ]),
      "mixers_from": try conversion.donor.map { (donor) throws(HybridizeError) in
        .object(["files": try Self.files(of: donor)])
      } ?? .null,
      "adapter": conversion.adapter.map { .object($0.manifest) } ?? .null,
      "recipe": .object(recipe(conversion)), "plan": conversion.plan.json,
      "tensors": .object([
        "copied": .integer(accounting.copied), "relaid": .integer(accounting.relaid),
        "initialised": .integer(accounting.initialised), "dropped": .array(accounting.dropped.map { .object($0.json) }),
        "digests": .array(tensors.map { .object(digest($0.name, products[UTF8Key($0.name)])) }),
      ]),
      "files": .array(files.map { .object($0.json) }),
    ]
  }

  /// SHA-256 of a tensor's bytes, and of the source's where they are others: a copy has the same.
  private static func digest(_ name: String, _ product: TensorProduction.Product?) -> JSONObject {
    var object: JSONObject = ["name": .string(name), "sha256": product.map { .string($0.sha256) } ?? .null]
    if let digest = product?.sourceSHA256 { object["source_sha256"] = .string(digest) }
    return object
  }

  /// A model's weight files with their sizes, and its configuration with a digest; tensors have theirs.
  package static func files(of model: ModelDirectory) throws(HybridizeError) -> JSONValue {
    var files: [JSONValue] = []
    for path in model.reader.files {
      files.append(
        .object(WrittenEntry(path: path, byteCount: try FileSystem.size(path), sha256: nil).json))
    }
    let config = model.path + "/config.json"
    files.append(
      .object(
        WrittenEntry(path: config, byteCount: try FileSystem.size(config), sha256: try SHA256.hash(file: config)).json))
    return .array(files)
  }

  static func recipe(_ conversion: Conversion) -> JSONObject {
    let request = conversion.request
    var recipe: JSONObject = ["keep": .array(conversion.plan.kept.map { .integer($0) })]
    if request.mixersFrom == nil {
      recipe["mixer"] = .string(request.mixer)
      recipe["preset"] = .string(request.choice.preset.rawValue)
      recipe["options"] = .object(request.choice.options)
      recipe["gates"] = .string(conversion.plan.initialisation.rawValue)
      recipe["expand_key_value"] = .bool(request.choice.expandKeyValue)
      recipe["seed"] = .number(String(request.seed))
    }
    let ignored = conversion.source.configuration.ignoredFields
    if !ignored.isEmpty { recipe[HybridDescription.ignoredFieldsKey] = .array(ignored.map { .string($0) }) }
    if let adapter = conversion.adapter { recipe["adapter"] = .string(adapter.digests.weights) }
    if let elementType = request.elementType { recipe["dtype"] = .string(elementType.rawValue) }
    if request.format != .safetensors { recipe["format"] = .object(request.format.json) }
    if request.alignment != 8 { recipe["alignment"] = .integer(request.alignment) }
    if request.shardBytes != ConversionRequest.defaultShardBytes {
      recipe["shard_bytes"] = .integer(request.shardBytes)
    }
    if let selection = request.selection { recipe["selection"] = .object(selection) }
    return recipe
  }
}

/// A file of a converted model.
public struct WrittenEntry: Sendable, Equatable {
  public let path: String
  public let byteCount: Int
  /// `nil` for weights, whose tensors have digests of their own in the manifest.
  public let sha256: String?

  package init(path: String, byteCount: Int, sha256: String?) {
    self.path = path
    self.byteCount = byteCount
    self.sha256 = sha256
  }

  package init(_ file: WrittenFile) { self.init(path: file.path, byteCount: file.byteCount, sha256: file.sha256) }

  /// Without the directory, which is another one for everybody.
  package var json: JSONObject {
    [
      "file": .string(FileSystem.name(of: path)), "bytes": .integer(byteCount),
      "sha256": sha256.map { .string($0) } ?? .null,
    ]
  }
}

extension Accounting.Drop {
  var json: JSONObject { ["tensor": .string(tensor), "reason": .string(reason)] }
}
