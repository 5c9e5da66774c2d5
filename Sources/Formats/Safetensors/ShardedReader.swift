import HybridizeCore

/// A checkpoint in several safetensors files, compressed or not, with an index.
///
/// Opening compares the index with every shard: each tensor is in exactly one, and in the one that the index says.
public final class ShardedReader: TensorReader {
  public let path: String
  public let index: ShardIndex
  public let tensors: [TensorDescriptor]
  public let metadata: [(key: String, value: String)]
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
    try directory.checkFiles()
    var shards: [any TensorReader] = []
    for name in index.files {
      shards.append(try Self.open(FileSystem.join(directory.path, name), strict: strict))
    }
    shardOfName = try Self.compare(index, with: shards)
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

  /// The position of the shard of every tensor, if index and shards say the same.
  private static func compare(
    _ index: ShardIndex, with shards: [any TensorReader]
  ) throws(HybridizeError) -> [UTF8Key: Int] {
    var found: [UTF8Key: Int] = [:]
    for (position, shard) in shards.enumerated() {
      for tensor in shard.tensors {
        if let other = found.updateValue(position, forKey: UTF8Key(tensor.name)) {
          throw HybridizeError(
            .duplicateAcrossShards, file: shard.path, tensor: tensor.name, found: "also in \(shards[other].path)")
        }
      }
    }
    for (name, file) in index.tensors {
      guard let position = found[UTF8Key(name)] else {
        throw HybridizeError(.ghostTensor, file: index.path, tensor: name, expected: "in \(file)")
      }
      guard UTF8Key(index.files[position]) == UTF8Key(file) else {
        throw HybridizeError(
          .tensorInOtherShard, file: index.path, tensor: name, expected: "in \(file)",
          found: "in \(index.files[position])")
      }
    }
    for shard in shards {
      for tensor in shard.tensors where index.file(of: tensor.name) == nil {
        throw HybridizeError(.unmappedTensor, file: shard.path, tensor: tensor.name, expected: "in \(index.path)")
      }
    }
    try checkTotal(index, shards)
    return found
  }

  private static func checkTotal(_ index: ShardIndex, _ shards: [any TensorReader]) throws(HybridizeError) {
    // No overflow: every tensor has been found in a file.
    let total = shards.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.byteCount } }
    guard let claimed = index.totalSize, claimed != total else { return }
    throw HybridizeError(
      .totalSizeMismatch, file: index.path, expected: "\(total) bytes, the sum of all tensors",
      found: "\(claimed) bytes", remedy: "correct metadata.total_size in the index")
  }

  /// What the shards say about themselves, without saying it twice; where they contradict, both.
  private static func merge(_ all: [[(key: String, value: String)]]) -> [(key: String, value: String)] {
    var seen = Set<[UTF8Key]>()
    return all.joined().filter { seen.insert([UTF8Key($0.key), UTF8Key($0.value)]).inserted }
  }
}

extension Problem {
  public static let duplicateAcrossShards = Problem("duplicateAcrossShards", .inputFile, "a tensor is in two shards")
  public static let ghostTensor = Problem("ghostTensor", .inputFile, "the index names a tensor that no shard holds")
  public static let unmappedTensor = Problem(
    "unmappedTensor", .inputFile, "a shard holds a tensor that the index does not name")
  public static let tensorInOtherShard = Problem(
    "tensorInOtherShard", .inputFile, "a tensor is in another shard than the index says")
  public static let totalSizeMismatch = Problem(
    "totalSizeMismatch", .inputFile, "the index gives a wrong total size")
}
