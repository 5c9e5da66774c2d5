import HybridizeCore

/// The directory of an index and what may stand in it.
struct ShardDirectory {
  let path: String
  private let index: ShardIndex

  init(of index: ShardIndex) {
    self.index = index
    path = FileSystem.directory(of: index.path)
  }

  /// Checks that every shard is there, that no link leads out of the model's own directories, and that no shard
  /// lies about that the index does not know.
  ///
  /// - Throws: `.missingShard`, `.shardLinkEscapes`, `.strayShard`, `.unreadable`.
  func checkFiles() throws(HybridizeError) {
    let allowed = try allowedDirectories()
    for name in index.files {
      let file = FileSystem.join(path, name)
      guard FileSystem.exists(file) else {
        throw HybridizeError(.missingShard, file: index.path, expected: file, remedy: "fetch the missing file")
      }
      let target = try FileSystem.resolve(file)
      guard allowed.contains(where: { target.hasPrefix($0) }) else {
        throw HybridizeError(
          .shardLinkEscapes, file: file, expected: "a file of the same directory or of the same cache", found: target)
      }
    }
    try checkStrays()
  }

  /// The directory itself and, in a Hugging Face cache (`snapshots/REVISION`), the blobs of the repository.
  private func allowedDirectories() throws(HybridizeError) -> [String] {
    let own = try FileSystem.resolve(path)
    let snapshots = FileSystem.directory(of: own)
    let blobs = FileSystem.join(FileSystem.directory(of: snapshots), "blobs")
    let isSnapshot = FileSystem.name(of: snapshots) == "snapshots" && FileSystem.isDirectory(blobs)
    return (isSnapshot ? [own, try FileSystem.resolve(blobs)] : [own]).map { $0.hasSuffix("/") ? $0 : $0 + "/" }
  }

  private func checkStrays() throws(HybridizeError) {
    let known = Set(index.files.map { UTF8Key($0) })
    let stems = Set(index.files.compactMap { shardStem($0).map { UTF8Key($0) } })
    for name in try FileSystem.list(path) where !known.contains(UTF8Key(name)) {
      guard let stem = shardStem(name), stems.contains(UTF8Key(stem)) else { continue }
      throw HybridizeError(
        .strayShard, file: FileSystem.join(path, name), expected: "a place in \(index.path)",
        remedy: "remove the file, or write the index anew")
    }
  }

  /// `model` of `model-00001-of-00007.safetensors`; `nil` for a name of another pattern.
  private func shardStem(_ name: String) -> String? {
    let plain = name.hasSuffix(".zst") ? name.dropLast(".zst".count) : name[...]
    guard plain.hasSuffix(".safetensors") else { return nil }
    let parts = plain.dropLast(".safetensors".count).split(separator: "-", omittingEmptySubsequences: false)
    func isNumber(_ part: Substring) -> Bool {
      !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
    guard parts.count >= 4, parts[parts.count - 2] == "of", isNumber(parts[parts.count - 3]),
      isNumber(parts[parts.count - 1])
    else { return nil }
    return parts.dropLast(3).joined(separator: "-")
  }
}

extension Problem {
  public static let missingShard = Problem("missingShard", .inputFile, "a shard of the index is missing")
  public static let shardLinkEscapes = Problem(
    "shardLinkEscapes", .inputFile, "a shard is a link that leads out of the model's directory")
  public static let strayShard = Problem("strayShard", .inputFile, "there is a shard that the index does not name")
}
