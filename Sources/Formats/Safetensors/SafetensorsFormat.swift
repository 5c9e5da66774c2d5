import HybridizeCore

/// Safetensors: a file, an index of shards, or a directory with either.
///
/// A file's symbolic link is followed, but its neighbours are looked for where the link stands: in a Hugging Face
/// cache the snapshot has the names and the blobs have none.
public enum SafetensorsFormat: CheckpointFormat {
  public static let name = "safetensors"
  public static let accepts = "a .safetensors file, a .safetensors.index.json file, or a directory with either"

  public static func recognize(_ candidate: FormatCandidate) -> FormatMatch {
    if candidate.isDirectory {
      return candidate.entries.contains { isData($0) || isIndex($0) } ? .byName : .none
    }
    if isIndex(FileSystem.name(of: candidate.path)) { return .byName }
    if hasHeader(candidate) { return .byContent }
    return isData(candidate.path) ? .byName : .none
  }

  public static func open(_ path: String) throws(HybridizeError) -> any TensorReader {
    guard FileSystem.isDirectory(path) else { return try open(file: path, givenAs: path) }
    let file = try choose(from: FileSystem.list(path), in: path)
    return try open(file: FileSystem.join(path, file), givenAs: path)
  }

  private static func open(file: String, givenAs path: String) throws(HybridizeError) -> any TensorReader {
    isIndex(FileSystem.name(of: file))
      ? try ShardedReader(index: file, givenAs: path) : try SafetensorsReader(file, givenAs: path)
  }

  /// The file of a directory that stands for the model: the usual names first, else the only one there is.
  private static func choose(from entries: [String], in directory: String) throws(HybridizeError) -> String {
    let whole = "model.safetensors"
    let index = whole + ".index.json"
    switch (entries.contains(whole), entries.contains(index)) {
    case (true, false): return whole
    case (false, true): return index
    case (true, true):
      let files = try ShardIndex(FileSystem.join(directory, index)).files
      guard files == [whole] else { throw ambiguous([whole, index], in: directory) }
      return index
    case (false, false): break
    }
    let indexes = entries.filter(isIndex)
    let candidates = indexes.isEmpty ? entries.filter(isData) : indexes
    if indexes.isEmpty, let error = missingIndex(candidates, in: directory) { throw error }
    guard candidates.count == 1 else { throw ambiguous(candidates, in: directory) }
    return candidates[0]
  }

  /// The error for files that are parts of one model, which nothing but an index puts together; `nil` for others.
  static func missingIndex(_ names: [String], in directory: String) -> HybridizeError? {
    let shards = names.compactMap { ShardName($0) }
    guard let first = shards.first(where: { Int($0.count) != 1 || shards.count > 1 }), shards.count == names.count,
      shards.allSatisfy({ $0.index == first.index })
    else { return nil }
    return HybridizeError(
      .missingIndex, file: directory, expected: first.index,
      found: names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : ""),
      remedy: "fetch \(first.index) from where the shards come from")
  }

  static func ambiguous(_ names: [String], in directory: String) -> HybridizeError {
    HybridizeError(
      .ambiguousCheckpoint, file: directory, expected: "one model", found: names.joined(separator: ", "),
      remedy: "give the path of one of them")
  }

  private static func isData(_ name: String) -> Bool { name.hasSuffix(".safetensors") }

  /// Also of a variant: `model.safetensors.index.fp16.json`.
  private static func isIndex(_ name: String) -> Bool {
    name.contains(".safetensors.index.") && name.hasSuffix(".json")
  }

  /// True if the file starts with a length that fits it and the beginning of a JSON object.
  private static func hasHeader(_ candidate: FormatCandidate) -> Bool {
    guard candidate.start.count > 8 else { return false }
    let length = candidate.start[..<8].littleEndianValue
    let text = candidate.start[8...].drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return length > 0 && length <= UInt64(candidate.size - 8) && length <= SafetensorsHeader.maximumBytes
      && (text.isEmpty || text.first == UInt8(ascii: "{"))
  }
}

extension Problem {
  public static let missingIndex = Problem(
    "missingIndex", .inputFile, "there are shards, and the index that puts them together is missing")
  public static let ambiguousCheckpoint = Problem(
    "ambiguousCheckpoint", .inputFile, "the directory holds more than one model")
}
