import HybridizeCore

/// Safetensors files of a checkpoint whose tensors are written in any order, by several threads: headers stand and every
/// tensor has its place before the first byte of data comes.
///
/// Opened over files that an earlier run has left, it keeps what they hold.
public final class PlacedCheckpoint: Sendable {
  private struct Place: Sendable {
    let file: PlacedFile
    let start: Int
    let tensor: TensorDescriptor
  }

  /// In the order of their data.
  public let tensors: [TensorDescriptor]
  private let files: [PlacedFile]
  private let places: [UTF8Key: Place]
  private let plan: ShardPlan
  private let directory: String
  private let stem: String

  /// - Parameters: as for `ShardedWriter` and `SafetensorsLayout`.
  /// - Throws: as `SafetensorsLayout`, before anything is written; `.cannotWrite`.
  public init(
    directory: String, tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    maximumBytes: Int = .max, alignment: Int = 8, stem: String = "model"
  ) throws(HybridizeError) {
    try SafetensorsLayout.checkNames(tensors)
    plan = try ShardPlan(tensors, maximumBytes: maximumBytes, stem: stem)
    var layouts: [SafetensorsLayout] = []
    for shard in plan.shards {
      layouts.append(try SafetensorsLayout(shard.tensors, metadata: metadata, alignment: alignment))
    }
    var files: [PlacedFile] = []
    var places: [UTF8Key: Place] = [:]
    for (shard, layout) in zip(plan.shards, layouts) {
      let file = try PlacedFile(FileSystem.join(directory, shard.name), size: layout.fileSize)
      try layout.header.withBytes({ (bytes) throws(HybridizeError) in try file.write(bytes, at: 0) })
      var start = layout.header.count
      for tensor in layout.tensors {
        places[UTF8Key(tensor.name)] = Place(file: file, start: start, tensor: tensor)
        start += tensor.byteCount
      }
      files.append(file)
    }
    self.tensors = layouts.flatMap(\.tensors)
    self.files = files
    self.places = places
    self.directory = directory
    self.stem = stem
  }

  /// Writes a piece of a tensor, from its byte `offset` on.
  ///
  /// - Throws: `.tensorOutOfOrder` for a name that was not announced, `.tensorSizeWrong` for bytes beyond its end,
  ///   `.cannotWrite`.
  public func write(
    _ bytes: UnsafeRawBufferPointer, to name: String, at offset: Int
  ) throws(HybridizeError) {
    let place = try place(name, offset..<offset + bytes.count)
    try place.file.write(bytes, at: place.start + offset)
  }

  /// Reads back what has been written.
  ///
  /// - Throws: as `write`, and `.unreadable`.
  public func read(
    _ name: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let place = try place(name, offset..<offset + buffer.count)
    try place.file.read(at: place.start + offset, into: buffer)
  }

  private func place(_ name: String, _ range: Range<Int>) throws(HybridizeError) -> Place {
    guard let place = places[UTF8Key(name)] else {
      throw HybridizeError(.tensorOutOfOrder, file: directory, tensor: name, expected: "a tensor that was announced")
    }
    guard range.lowerBound >= 0, range.upperBound <= place.tensor.byteCount else {
      throw HybridizeError(
        .tensorSizeWrong, file: place.file.path, tensor: name, expected: "\(place.tensor.byteCount) bytes",
        found: "bytes \(range)")
    }
    return place
  }

  /// Makes all files durable and writes the index of several.
  ///
  /// - Returns: the weight files with their sizes, then the index.
  /// - Throws: `.cannotWrite`.
  public func finish() throws(HybridizeError) -> [(path: String, byteCount: Int)] {
    for file in files { try file.sync() }
    var written = files.map { (path: $0.path, byteCount: $0.size) }
    if let index = plan.index {
      let path = FileSystem.join(directory, "\(stem).safetensors.index.json")
      let file = try AtomicFile(path, replacing: true)
      try Array(index.utf8).withBytes(file.write)
      written.append((path, try file.commit().byteCount))
    }
    return written
  }
}
