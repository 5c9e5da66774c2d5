import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// Writes a student with what it has learnt: a directory like the one that it was read from, with some tensors in new values,
/// all others byte for byte, and a manifest and a card that tell of the training.
struct DistilledCheckpoint {
  /// What the directory is like.
  let student: ModelDirectory
  /// What the training was, for the manifest, the newest last.
  let records: [JSONObject]
  /// For people.
  let summary: String
  /// Curves of losses, under the names that they get.
  let curves: [(name: String, path: String)]
  /// The type in which a tensor is written, where it is another one.
  let elementType: (TensorDescriptor) -> ElementType?
  /// The new values of a tensor, in the type in which it is written; `nil` for those that stay.
  let values: (TensorDescriptor) throws(HybridizeError) -> StoredTensor?

  /// - Throws: `.outputExists`, `.cannotWrite`, reading errors, `.castUnsupported`.
  func write(to path: String, progress: Progress) throws(HybridizeError) {
    let directory = try AtomicDirectory(path)
    let derived = Set(student.derivedTensors)
    let descriptors = try student.reader.tensors.filter { !derived.contains($0.name) }.map {
      (tensor) throws(HybridizeError) in
      try TensorDescriptor(
        name: tensor.name, elementType: elementType(tensor) ?? tensor.elementType, shape: tensor.shape)
    }
    let writer = try ShardedWriter(
      directory: directory.buildPath, tensors: descriptors, metadata: [("format", "pt")],
      maximumBytes: ConversionRequest.defaultShardBytes)
    var digests: [JSONValue] = []
    for tensor in writer.tensors {
      let bytes: StoredTensor
      if let new = try values(tensor) { bytes = new } else { bytes = try student.reader.tensor(named: tensor.name) }
      try writer.append(bytes.bytes, to: tensor.name)
      digests.append(.object(["name": .string(tensor.name), "sha256": .string(bytes.sha256)]))
      progress.report("write", done: digests.count, of: writer.tensors.count)
    }
    var files = try writer.finish().map { WrittenEntry(path: $0.path, byteCount: $0.byteCount, sha256: nil) }
    for name in ["config.json"] + ModelDirectory.companionFiles
    where FileSystem.exists(FileSystem.join(student.path, name)) {
      files.append(WrittenEntry(try directory.copy(FileSystem.join(student.path, name), as: name)))
    }
    // Curves tell the time, which is another one in every run: the manifest does not name them.
    for curve in curves { _ = try directory.copy(curve.path, as: curve.name) }
    files.append(WrittenEntry(try directory.write("README.md", Array(card.utf8))))
    let manifest = JSONWriter.indented(.object(try manifest(files, digests)))
    _ = try directory.write(Manifest.fileName, Array(manifest.utf8))
    try directory.commit()
  }

  /// The student's manifest, if it has one, with the training added and the digests of what is written now.
  private func manifest(_ files: [WrittenEntry], _ digests: [JSONValue]) throws(HybridizeError) -> JSONObject {
    var manifest = try Manifest.read(in: student.path)?.objectValue ?? [:]
    manifest["schema"] = Manifest.schema
    manifest["tool"] = Manifest.tool
    var training = manifest["training"]?.arrayValue ?? []
    for record in records {
      var entry = record
      entry["student"] = .object(["files": try Manifest.files(of: student)])
      training.append(.object(entry))
    }
    manifest["training"] = .array(training)
    var tensors = manifest["tensors"]?.objectValue ?? [:]
    tensors["digests"] = .array(digests)
    manifest["tensors"] = .object(tensors)
    manifest["files"] = .array(files.map { .object($0.json) })
    return manifest
  }

  private var card: String {
    let model = student.configuration
    let kept = model.mixers.indices.filter { model.mixers[$0].isSoftmax }
    return ModelCard.frontMatter(model, model.mixers) + """

      # A distilled hybrid of a \(model.architecture.name) model

      Made by Hybridize \(HybridizeVersion.current). Of \(model.layerCount) layers, \(kept.count) keep softmax \
      attention (\(LayerList.text(kept))).

      \(summary)

      \(ModelCard.layerTable(model.mixers))
      - how it was made, with hashes of source and result: `\(Manifest.fileName)`
      - which layer is what, for programs: `config.json`, `layer_types` and `hybridize`

      """
  }
}

extension TrainableModel {
  /// The values of a tensor that is trained, in the type of `tensor`; `nil` for others.
  ///
  /// - Throws: `.castUnsupported`.
  func trainedValues(_ tensor: TensorDescriptor) throws(HybridizeError) -> StoredTensor? {
    guard let parameter = parameters.all.first(where: { $0.name == tensor.name }) else { return nil }
    let values = model.backend.stored(parameter.values, name: tensor.name)
    let cast: ElementCast
    do { cast = try ElementCast(from: values.elementType, to: tensor.elementType) } catch {
      throw error.inTensor(tensor.name)
    }
    let owner = OwnedBytes(count: tensor.byteCount)
    _ = cast.run(values.bytes, into: owner.bytes)
    return StoredTensor(
      name: tensor.name, elementType: tensor.elementType, shape: tensor.shape,
      bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
  }
}
