import HybridizeCore

/// A checkpoint in several safetensors files, compressed or not, with an index.
///
/// Opening compares the index with every shard. The shards are what counts: each tensor is in exactly one, and what the
/// index says beside that, of names and of sizes, is worth a warning.
public final class ShardedReader: TensorReader {
  public let path: String
  public let index: ShardIndex
  public let tensors: [TensorDescriptor]
  public let metadata: [(key: String, value: String)]
  public let warnings: [String]
  private let shards: [any TensorReader]
  private let shardOfName: [UTF8Key: Int]

  /// - Parameters:
  ///   - index: the `.safetensors.index.json` file.
  ///   - path: what the user gave, where that is not the index itself.
  ///   - strict: also refuse fields that the format does not know.
  /// - Throws: what is wrong with the index, with a shard, or between them: the problems at the end of this
  ///   file and of `ShardDirectory.swift`.
  public init(index file: String, givenAs path: String? = nil, strict: Bool = false) throws(HybridizeError) {
    let index = try ShardIndex(file)
    let directory = ShardDirectory(of: index)
    let strays = try directory.checkFiles()
    var shards: [any TensorReader] = []
    for name in index.files {
      shards.append(try Self.open(FileSystem.join(directory.path, name), strict: strict))
    }
    shardOfName = try Self.places(shards)
    warnings = index.warnings + Self.differences(index, shards, shardOfName) + strays
    self.path = path ?? file
    self.index = index
    self.shards = shards
    tensors = shards.flatMap(\.tensors)
    metadata = Self.merge(shards.map(\.metadata))
  }

  public var formatName: String { SafetensorsFormat.name }
  public var files: [String] { shards.flatMap(\.files) }

  public func descriptor(named name: String) -> TensorDescriptor? { shard(of: name)?.descriptor(named: name) }

  public func file(of name: String) -> String? { shard(of: name)?.path }

  public func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard let shard = shard(of: name) else { throw missing(name) }
    return try shard.tensor(named: name)
  }

  public func read(
    _ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    guard let shard = shard(of: name) else { throw missing(name) }
    try shard.read(name, range: range, into: buffer)
  }

  private func shard(of name: String) -> (any TensorReader)? { shardOfName[UTF8Key(name)].map { shards[$0] } }

  private static func open(_ file: String, strict: Bool) throws(HybridizeError) -> any TensorReader {
    let isCompressed = ZstdSafetensorsFormat.recognize(try FormatCandidate(file)) > .none
    return isCompressed
      ? try ZstdSafetensorsReader(file, strict: strict) : try SafetensorsReader(file, strict: strict)
  }

  /// The position of the shard of every tensor.
  private static func places(_ shards: [any TensorReader]) throws(HybridizeError) -> [UTF8Key: Int] {
    var found: [UTF8Key: Int] = [:]
    for (position, shard) in shards.enumerated() {
      for tensor in shard.tensors {
        if let other = found.updateValue(position, forKey: UTF8Key(tensor.name)) {
          throw HybridizeError(
            .duplicateAcrossShards, file: shard.path, tensor: tensor.name, found: "also in \(shards[other].path)")
        }
      }
    }
    return found
  }

  /// Where the index is wrong about its shards.
  private static func differences(
    _ index: ShardIndex, _ shards: [any TensorReader], _ places: [UTF8Key: Int]
  ) -> [String] {
    var comparison = IndexComparison()
    for (name, file) in index.tensors {
      guard let position = places[UTF8Key(name)] else {
        comparison.ghosts.append(name)
        continue
      }
      if UTF8Key(index.files[position]) != UTF8Key(file) { comparison.misplaced.append(name) }
    }
    for shard in shards {
      comparison.unmapped += shard.tensors.filter { index.file(of: $0.name) == nil }.map(\.name)
    }
    // No overflow: every tensor has been found in a file.
    let total = shards.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.byteCount } }
    if let claimed = index.totalSize, claimed != total { comparison.sizes = (claimed, total) }
    return comparison.warnings
  }

  /// What the shards say about themselves, without saying it twice; where they contradict, both.
  private static func merge(_ all: [[(key: String, value: String)]]) -> [(key: String, value: String)] {
    var seen = Set<[UTF8Key]>()
    return all.joined().filter { seen.insert([UTF8Key($0.key), UTF8Key($0.value)]).inserted }
  }
}

extension Problem {
  public static let duplicateAcrossShards = Problem("duplicateAcrossShards", .inputFile, "a tensor is in two shards")
}
