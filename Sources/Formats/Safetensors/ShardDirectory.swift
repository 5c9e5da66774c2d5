import HybridizeCore

/// The directory of an index and what may stand in it.
struct ShardDirectory {
  let path: String
  private let index: ShardIndex

  init(of index: ShardIndex) {
    self.index = index
    path = FileSystem.directory(of: index.path)
  }

  /// Checks that every shard is there.
  ///
  /// Links are followed, as those of a Hugging Face cache must be, and lead to a regular file that holds the tensors that
  /// are asked for or are refused as any other file would be.
  ///
  /// - Returns: warnings about shards that lie about and that the index does not know.
  /// - Throws: `.missingShard`, `.unreadable`.
  func checkFiles() throws(HybridizeError) -> [String] {
    for name in index.files {
      let file = FileSystem.join(path, name)
      guard FileSystem.exists(file) else {
        let isLink = FileSystem.isOccupied(file)
        throw HybridizeError(
          .missingShard, file: index.path, expected: file, found: isLink ? "a link that leads nowhere" : nil,
          remedy: "fetch the missing file")
      }
    }
    return try strays().map { "\($0) is not in \(FileSystem.name(of: index.path)), and not read" }
  }

  /// Shards of the same stem as those of the index, in the folders where these are.
  private func strays() throws(HybridizeError) -> [String] {
    let known = Set(index.files.map { UTF8Key($0) })
    let stems = Set(index.files.compactMap { ShardName(FileSystem.name(of: $0)).map { UTF8Key($0.stem) } })
    guard !stems.isEmpty else { return [] }
    var found: [String] = []
    for folder in Set(index.files.map { $0.contains("/") ? FileSystem.directory(of: $0) : "" }).sorted() {
      for name in try FileSystem.list(folder.isEmpty ? path : FileSystem.join(path, folder)) {
        let name = folder.isEmpty ? name : FileSystem.join(folder, name)
        guard !known.contains(UTF8Key(name)), let shard = ShardName(FileSystem.name(of: name)),
          stems.contains(UTF8Key(shard.stem))
        else { continue }
        found.append(name)
      }
    }
    return found
  }
}

extension Problem {
  public static let missingShard = Problem("missingShard", .inputFile, "a shard of the index is missing")
}
