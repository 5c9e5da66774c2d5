import HybridizeCore

/// HDF5 checkpoints of Keras, KerasHub and Hugging Face's TensorFlow models, and our own: a file, an index of shards, a
/// `.keras` archive, or a directory with one of them.
public enum HDF5Format: CheckpointFormat {
  public static let name = "hdf5"
  public static let accepts =
    "an .h5 file, a .h5.index.json or .weights.json file, a .keras file, or a directory with one"

  /// The member of a `.keras` archive, and the file of a KerasHub preset, that has the weights.
  static let weights = "model.weights.h5"

  public static func recognize(_ candidate: FormatCandidate) -> FormatMatch {
    if candidate.isDirectory { return candidate.entries.contains(where: isWhole) ? .byName : .none }
    if isIndex(candidate.path) { return .byName }
    if candidate.start.starts(with: HDF5Superblock.signature) { return .byContent }
    if candidate.path.hasSuffix(".keras") { return candidate.start.starts(with: zipStart) ? .byContent : .byName }
    if hasSignatureLater(candidate) { return .byContent }
    return isData(candidate.path) ? .byName : .none
  }

  public static func open(_ path: String) throws(HybridizeError) -> any TensorReader {
    guard FileSystem.isDirectory(path) else { return try open(file: path, givenAs: path) }
    let entries = try FileSystem.list(path).filter(isWhole)
    // The index before the shards, which look like files of their own.
    let indexes = entries.filter(isIndex)
    let candidates = indexes.isEmpty ? entries : indexes
    if indexes.isEmpty, let error = SafetensorsFormat.missingIndex(candidates, in: path) { throw error }
    guard candidates.count == 1 else {
      throw HybridizeError(
        .ambiguousCheckpoint, file: path, expected: "one model", found: candidates.joined(separator: ", "),
        remedy: "give the path of one of them")
    }
    return try open(file: FileSystem.join(path, candidates[0]), givenAs: path)
  }

  private static func open(file path: String, givenAs given: String) throws(HybridizeError) -> any TensorReader {
    if path.hasSuffix(".weights.json") { return try ShardedHDF5.openKeras(index: path, givenAs: given) }
    if isIndex(path) { return try ShardedHDF5.openTensorFlow(index: path, givenAs: given) }
    var source = try ByteSource(HostFile(path))
    if try source.read(at: 0, count: min(4, source.count)) == zipStart {
      source = try ZipArchive(source).open(weights, limit: HDF5Limits(fileSize: source.count).tensorBytes)
    }
    let file = try HDF5File(source)
    let contents = try HDF5Layout.contents(file)
    return try HDF5Reader(givenAs: given, sources: [file], entries: contents.tensors, metadata: contents.metadata)
  }

  private static let zipStart: [UInt8] = [0x50, 0x4B, 3, 4]

  private static func isData(_ name: String) -> Bool { name.hasSuffix(".h5") || name.hasSuffix(".hdf5") }

  private static func isIndex(_ name: String) -> Bool {
    name.hasSuffix(".h5.index.json") || name.hasSuffix(".weights.json")
  }

  /// What may stand for the model of a directory. Task weights of a preset repeat those of its backbone.
  private static func isWhole(_ name: String) -> Bool {
    name != "task.weights.h5" && (isData(name) || isIndex(name) || name.hasSuffix(".keras"))
  }

  private static func hasSignatureLater(_ candidate: FormatCandidate) -> Bool {
    guard candidate.size > 512, let source = try? ByteSource(HostFile(candidate.path)) else { return false }
    return (try? HDF5Superblock.find(in: source)) != nil
  }
}
