import HybridizeCore

/// Safetensors files compressed with zstd. Shards of them are opened by their index, which is `SafetensorsFormat`'s.
public enum ZstdSafetensorsFormat: CheckpointFormat {
  public static let name = "safetensors.zst"
  public static let accepts = "a .safetensors.zst file, or a directory with one"

  public static func recognize(_ candidate: FormatCandidate) -> FormatMatch {
    if candidate.isDirectory { return candidate.entries.contains(where: isData) ? .byName : .none }
    if begins(candidate.start) { return .byContent }
    return isData(candidate.path) ? .byName : .none
  }

  public static func open(_ path: String) throws(HybridizeError) -> any TensorReader {
    guard FileSystem.isDirectory(path) else { return try ZstdSafetensorsReader(path) }
    let candidates = try FileSystem.list(path).filter(isData)
    let usual = "model.safetensors.zst"
    let chosen = candidates.contains(usual) ? [usual] : candidates
    if let error = SafetensorsFormat.missingIndex(chosen, in: path) { throw error }
    guard chosen.count == 1 else { throw SafetensorsFormat.ambiguous(candidates, in: path) }
    return try ZstdSafetensorsReader(FileSystem.join(path, chosen[0]), givenAs: path)
  }

  /// True of the first bytes of a zstd file.
  static func begins(_ start: [UInt8]) -> Bool { ZstdFrameHeader.begins(start) }

  private static func isData(_ name: String) -> Bool { name.hasSuffix(".safetensors.zst") }
}
