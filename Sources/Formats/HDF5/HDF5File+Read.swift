import HybridizeCore

extension HDF5File {
  /// Fills `buffer` with the bytes `range` of a dataset's elements, little-endian and in row-major order.
  ///
  /// Contiguous data is read as it lies; of chunked data one chunk after the other is decoded, so that memory holds
  /// one.
  ///
  /// - Throws: `.truncatedData`, `.unreadable`, `.hdf5BadChunk`, `.hdf5Checksum`.
  /// - Precondition: `range` is within the dataset, and `buffer` has as many bytes.
  package func read(
    _ dataset: HDF5Dataset, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= dataset.byteCount && range.count == buffer.count)
    let size = dataset.elementSize
    try WholeElements.read(range, elementSize: size, into: buffer) { (first, part) throws(HybridizeError) in
      try readElements(dataset, from: first * size, into: part)
    }
  }

  /// All bytes in place, where they lie so in the file.
  package func view(
    _ dataset: HDF5Dataset
  ) throws(HybridizeError) -> (bytes: UnsafeRawBufferPointer, owner: AnyObject)? {
    guard case .contiguous(let range) = dataset.storage, !dataset.isBigEndian else { return nil }
    return try source.view(range)
  }

  /// All elements in memory.
  ///
  /// - Throws: as `read`, and `.hdf5TensorTooLarge` for data that has to be decoded and would take much more memory
  ///   than the file has bytes.
  package func readAll(_ dataset: HDF5Dataset) throws(HybridizeError) -> OwnedBytes {
    let limit = limits.tensorBytes
    guard dataset.byteCount <= limit else {
      throw HybridizeError(
        .hdf5TensorTooLarge, expected: "at most \(NumberText.grouped(limit)) bytes",
        found: "\(NumberText.grouped(dataset.byteCount)) bytes")
    }
    let memory = OwnedBytes(count: dataset.byteCount)
    try read(dataset, range: 0..<dataset.byteCount, into: memory.bytes)
    return memory
  }

  /// Whole elements from the byte `start` on.
  private func readElements(
    _ dataset: HDF5Dataset, from start: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    switch dataset.storage {
    case .contiguous(let place): try source.read(at: place.lowerBound + start, into: buffer)
    case .compact(let bytes): buffer.copyBytes(from: bytes[start..<start + buffer.count])
    case .absent: Self.fill(buffer, with: dataset.fillValue)
    case .chunked(let table): try readChunks(table, dataset.fillValue, from: start, into: buffer)
    }
    if dataset.isBigEndian { Self.swapBytes(buffer, elementSize: dataset.elementSize) }
  }

  static func fill(_ buffer: UnsafeMutableRawBufferPointer, with value: [UInt8]) {
    if value.allSatisfy({ $0 == 0 }) {
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
    } else {
      for index in buffer.indices { buffer[index] = value[index % value.count] }
    }
  }

  private static func swapBytes(_ buffer: UnsafeMutableRawBufferPointer, elementSize: Int) {
    for start in stride(from: 0, to: buffer.count, by: elementSize) {
      for index in 0..<elementSize / 2 { buffer.swapAt(start + index, start + elementSize - 1 - index) }
    }
  }

  // MARK: Chunks

  private func readChunks(
    _ table: HDF5ChunkTable, _ fillValue: [UInt8], from start: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let size = fillValue.count
    let wanted = start / size..<(start + buffer.count) / size
    guard !wanted.isEmpty else { return }
    // Places of the grid go by the first dimension first, so the chunks that can matter are a range of places.
    let rowElements = table.shape.dropFirst().reduce(1, *)
    let placesOfRow = table.grid.dropFirst().reduce(1, *)
    let firstBand = wanted.lowerBound / rowElements / table.chunkShape[0]
    let lastBand = (wanted.upperBound - 1) / rowElements / table.chunkShape[0]
    for place in firstBand * placesOfRow..<(lastBand + 1) * placesOfRow {
      let region = HDF5ChunkRegion(table, place: place)
      guard region.span.overlaps(wanted) else { continue }
      let entry = table.entry(at: place)
      let bytes = try entry.map { (entry) throws(HybridizeError) in try decode(entry, table) }
      region.forEachRun(within: wanted) { (run, position) in
        let target = UnsafeMutableRawBufferPointer(
          rebasing: buffer[(run.lowerBound - wanted.lowerBound) * size..<(run.upperBound - wanted.lowerBound) * size])
        if let bytes {
          target.copyBytes(from: bytes[position * size..<position * size + target.count])
        } else {
          Self.fill(target, with: fillValue)
        }
      }
    }
  }

  private func decode(_ entry: HDF5ChunkTable.Entry, _ table: HDF5ChunkTable) throws(HybridizeError) -> [UInt8] {
    let stored = try source.read(at: entry.range.lowerBound, count: entry.range.count)
    do {
      return try table.filters.decode(stored, mask: entry.mask, count: table.chunkBytes)
    } catch {
      var located = error.inFile(source.path)
      located.offset = source.origin + entry.range.lowerBound
      throw located
    }
  }
}

/// The part of a dataset that a chunk covers.
struct HDF5ChunkRegion {
  /// From the first to after the last element of the chunk in the dataset, in row-major numbers.
  let span: Range<Int>
  /// Where the chunk begins along each dimension.
  private let start: [Int]
  /// Elements within the dataset along each dimension.
  private let extent: [Int]
  private let chunkShape: [Int]
  /// Elements of the dataset from one index to the next along each dimension.
  private let strides: [Int]

  // No overflow: the dataset's elements have been counted with checks, and a place within the grid begins within it.
  init(_ table: HDF5ChunkTable, place: Int) {
    let shape = table.shape
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    start = zip(table.coordinates(of: place), table.chunkShape).map { $0 * $1 }
    extent = zip(zip(start, table.chunkShape), shape).map { min($0.1, $1 - $0.0) }
    chunkShape = table.chunkShape
    let first = zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let last = zip(extent, strides).reduce(first) { $0 + ($1.0 - 1) * $1.1 }
    span = first..<last + 1
    self.strides = strides
  }

  /// Calls `body` for every run of neighbouring elements: their numbers in the dataset, and the place of the first in
  /// the chunk.
  func forEachRun(within wanted: Range<Int>, _ body: (_ run: Range<Int>, _ position: Int) -> Void) {
    let last = extent.count - 1
    var index = [Int](repeating: 0, count: last)
    while true {
      var number = span.lowerBound
      var position = 0
      for axis in 0..<last {
        number += index[axis] * strides[axis]
        position = (position + index[axis]) * chunkShape[axis + 1]
      }
      let run = (number..<number + extent[last]).clamped(to: wanted)
      if !run.isEmpty { body(run, position + run.lowerBound - number) }
      // The next index, the last dimension fastest.
      var axis = last - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < extent[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
