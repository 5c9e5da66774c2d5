import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Changes the `__metadata__` of a safetensors file without touching its tensors.
///
/// Where the new header fits the room of the old one, padding included, only the header is written, in place. Its old
/// bytes are kept in a sibling `.NAME.header` meanwhile: if the process is killed within, the next edit puts them back
/// first. Otherwise the file is written anew beside its place, and renamed.
public enum SafetensorsMetadata {
  /// How the change was made.
  public enum Way: String, Sendable {
    case unchanged
    case inPlace
    case rewritten
  }

  /// - Parameter changes: by key; `nil` removes one.
  /// - Throws: what opening and writing the file throw; `.headerNotWritable`.
  public static func edit(_ path: String, _ changes: [String: String?]) throws(HybridizeError) -> Way {
    try restore(path)
    let file = try HostFile(path)
    let header = try SafetensorsHeader(file)
    var metadata: [UTF8Key: String] = [:]
    for (key, value) in header.metadata { metadata[UTF8Key(key)] = value }
    let before = metadata
    for (key, value) in changes { metadata[UTF8Key(key)] = value }
    guard metadata != before else { return .unchanged }
    let members = metadata.map { (key: $0.key.string, value: $0.value) }
    let text = try SafetensorsLayout.json(header.tensors, members)
    let room = header.dataStart - 8
    guard text.utf8.count <= room else { return try rewrite(path, header, members) }
    let bytes = Array(text.utf8) + [UInt8](repeating: 0x20, count: room - text.utf8.count)
    try replace(path, old: file.read(at: 8, count: room), new: bytes)
    return .inPlace
  }

  /// Where the old header is kept while the new one is written.
  private static func backup(of path: String) -> String {
    FileSystem.join(FileSystem.directory(of: path), ".\(FileSystem.name(of: path)).header")
  }

  private static func replace(_ path: String, old: [UInt8], new: [UInt8]) throws(HybridizeError) {
    let kept = try AtomicFile(backup(of: path))
    try old.withBytes(kept.write)
    _ = try kept.commit()
    try write(new, to: path)
    unlink(backup(of: path))
  }

  /// Puts the header back that an interrupted edit was about to replace.
  private static func restore(_ path: String) throws(HybridizeError) {
    let backup = backup(of: path)
    guard FileSystem.kind(backup) == .file else { return }
    try write(try FileSystem.read(backup, limit: SafetensorsHeader.maximumBytes), to: path)
    unlink(backup)
  }

  private static func write(_ header: [UInt8], to path: String) throws(HybridizeError) {
    let file = try PlacedFile(path, size: try FileSystem.size(path))
    try header.withBytes { (bytes) throws(HybridizeError) in try file.write(bytes, at: 8) }
    try file.sync()
  }

  private static func rewrite(
    _ path: String, _ header: SafetensorsHeader, _ metadata: [(key: String, value: String)]
  ) throws(HybridizeError) -> Way {
    let reader = try SafetensorsReader(path)
    let writer = try SafetensorsWriter(path, tensors: header.tensors, metadata: metadata, replacing: true)
    for tensor in writer.tensors { try writer.copy(tensor.name, from: reader) }
    _ = try writer.finish()
    return .rewritten
  }
}
