import HybridizeCore

/// Takes the bytes of a dataset in order.
protocol HDF5DataSink: AnyObject {
  /// - Throws: `.cannotWrite`.
  func append(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError)

  /// Writes what is still held. Called when all bytes have come.
  ///
  /// - Throws: `.cannotWrite`.
  func finish() throws(HybridizeError)
}

/// Writes into the file at places that are known.
///
/// While libhdf5 has the file open nothing is written behind its back: the few bytes that are not in chunks then wait
/// until it has closed it.
final class HDF5DataFile {
  private var file: PlacedFile?
  private var waiting: [(offset: Int, bytes: [UInt8])] = []

  /// Opens the file that is complete but for data in its place.
  ///
  /// - Throws: `.cannotWrite`, `.unreadable`.
  func open(_ path: String) throws(HybridizeError) {
    let file = try PlacedFile(path, size: try FileSystem.size(path))
    self.file = file
    for (offset, bytes) in waiting {
      try bytes.withBytes { (bytes) throws(HybridizeError) in try file.write(bytes, at: offset) }
    }
    waiting = []
  }

  /// - Throws: `.cannotWrite`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(HybridizeError) {
    guard let file else {
      waiting.append((offset, Array(bytes)))
      return
    }
    try file.write(bytes, at: offset)
  }
}

/// A dataset that lies in one piece.
final class HDF5PlainSink: HDF5DataSink {
  /// Smaller pieces are gathered: every call of the system costs as much as copying some thousand bytes.
  private static let gatheredBytes = 1 << 20

  private let file: HDF5DataFile
  private var offset: Int
  private var held: [UInt8] = []

  init(_ file: HDF5DataFile, offset: Int) {
    self.file = file
    self.offset = offset
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    if held.count + bytes.count > Self.gatheredBytes { try finish() }
    if bytes.count >= Self.gatheredBytes {
      try write(bytes)
    } else {
      held.append(contentsOf: bytes)
    }
  }

  func finish() throws(HybridizeError) {
    try held.withBytes(write)
    held.removeAll(keepingCapacity: true)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    guard !bytes.isEmpty else { return }
    try file.write(bytes, at: offset)
    offset += bytes.count
  }
}

/// A dataset in chunks, each of which is a run of its bytes.
final class HDF5ChunkSink: HDF5DataSink {
  private let file: HDF5OutputFile
  private let dataset: HDF5OutputFile.Dataset
  private let chunks: HDF5ChunkShape
  private let filters: HDF5FilterPipeline
  private let level: Int
  private var number = 0
  private var held: [UInt8] = []

  init(
    _ file: HDF5OutputFile, _ dataset: HDF5OutputFile.Dataset, _ chunks: HDF5ChunkShape, filters: HDF5FilterPipeline,
    level: Int
  ) {
    self.file = file
    self.dataset = dataset
    self.chunks = chunks
    self.filters = filters
    self.level = level
    held.reserveCapacity(chunks.byteCount)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(chunks.runBytes(number) - held.count)
      held.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
      if held.count == chunks.runBytes(number) { try writeChunk() }
    }
  }

  func finish() throws(HybridizeError) { try file.close(dataset) }

  private func writeChunk() throws(HybridizeError) {
    // The last chunk of an axis reaches past its end.
    held.append(contentsOf: repeatElement(0, count: chunks.byteCount - held.count))
    try file.writeChunk(try filters.encode(held, level: level), at: chunks.place(number), of: dataset)
    held.removeAll(keepingCapacity: true)
    number += 1
  }
}

/// Chunks that are runs of a dataset's bytes: whole in the last axes, a part of one axis, and one step of those before.
struct HDF5ChunkShape {
  let dimensions: [Int]
  /// Bytes of a chunk.
  let byteCount: Int
  private let shape: [Int]
  /// The axis of which a chunk has a part.
  private let axis: Int
  private let chunksOfAxis: Int
  /// Bytes of a step along that axis.
  private let stepBytes: Int

  /// - Parameter target: bytes that a chunk has at most, if an element fits.
  /// - Precondition: the shape has a dimension, and none is zero.
  init(_ shape: [Int], elementSize: Int, target: Int = 1 << 20) {
    precondition(!shape.isEmpty && !shape.contains(0), "no chunks for \(shape)")
    var dimensions = Array(repeating: 1, count: shape.count)
    var axis = shape.count - 1
    var step = 1
    while true {
      dimensions[axis] = min(shape[axis], max(1, target / elementSize / step))
      if axis == 0 || dimensions[axis] < shape[axis] { break }
      step *= shape[axis]
      axis -= 1
    }
    self.dimensions = dimensions
    self.shape = shape
    self.axis = axis
    stepBytes = step * elementSize
    byteCount = dimensions[axis] * stepBytes
    chunksOfAxis = (shape[axis] + dimensions[axis] - 1) / dimensions[axis]
  }

  /// Bytes of the dataset in a chunk.
  func runBytes(_ number: Int) -> Int {
    min(dimensions[axis], shape[axis] - number % chunksOfAxis * dimensions[axis]) * stepBytes
  }

  /// The position of the first element of a chunk.
  func place(_ number: Int) -> [Int] {
    var place = Array(repeating: 0, count: shape.count)
    place[axis] = number % chunksOfAxis * dimensions[axis]
    var rest = number / chunksOfAxis
    for outer in (0..<axis).reversed() { (rest, place[outer]) = rest.quotientAndRemainder(dividingBy: shape[outer]) }
    return place
  }
}
