import HybridizeCore

/// The chunks of a dataset and where they are.
package struct HDF5ChunkTable: Sendable {
  struct Entry: Sendable {
    /// Place of the chunk in the grid of all, in row-major order.
    let place: Int
    /// Bytes in the file.
    let range: Range<Int>
    /// A set bit for each filter that was skipped.
    let mask: Int
  }

  /// Dimensions of the dataset; at least one, none of them zero.
  let shape: [Int]
  /// Elements of a chunk along each dimension.
  let chunkShape: [Int]
  /// Chunks along each dimension.
  let grid: [Int]
  /// In the order of their places; a place without an entry has the fill value.
  private(set) var entries: [Entry] = []
  let filters: HDF5FilterPipeline
  /// Bytes of a decoded chunk.
  let chunkBytes: Int

  /// - Throws: `.hdf5ChunkTooLarge`, `.sizeOverflow`.
  init(
    shape: [Int], chunkShape: [Int], elementSize: Int, filters: HDF5FilterPipeline, limits: HDF5Limits
  ) throws(HybridizeError) {
    chunkBytes = try CheckedMath.multiply(try Shape(chunkShape).elementCount(), elementSize)
    guard chunkBytes <= limits.chunkBytes else {
      throw HybridizeError(
        .hdf5ChunkTooLarge, expected: "chunks of at most \(NumberText.grouped(limits.chunkBytes)) bytes",
        found: "\(NumberText.grouped(chunkBytes)) bytes", remedy: "rewrite the dataset with smaller chunks")
    }
    self.shape = shape
    self.chunkShape = chunkShape
    self.filters = filters
    grid = zip(shape, chunkShape).map { ($0 - 1) / $1 + 1 }
  }

  /// Bytes in the file of all chunks.
  var storedBytes: Int { entries.reduce(0) { $0 + $1.range.count } }

  /// The entry at a place of the grid.
  func entry(at place: Int) -> Entry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].place < place { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].place == place ? entries[low] : nil
  }

  /// The coordinates in the grid of a place.
  func coordinates(of place: Int) -> [Int] {
    var coordinates = [Int](repeating: 0, count: grid.count)
    var rest = place
    for axis in grid.indices.reversed() {
      (rest, coordinates[axis]) = rest.quotientAndRemainder(dividingBy: grid[axis])
    }
    return coordinates
  }

  /// Adds a chunk; those outside the dataset, which a shrunk one leaves behind, are passed over.
  ///
  /// - Throws: `.hdf5Truncated`, `.hdf5Corrupt` for a size that no filter explains, `.hdf5TooMuchWork`.
  mutating func add(
    _ input: HDF5Input, at coordinates: [Int], address: Int, size: Int, mask: Int
  ) throws(HybridizeError) {
    guard zip(coordinates, grid).allSatisfy({ $0 < $1 }) else { return }
    var place = 0
    for (coordinate, count) in zip(coordinates, grid) {
      place = try CheckedMath.add(try CheckedMath.multiply(place, count), coordinate)
    }
    let isFiltered = filters.filters.indices.contains { mask >> $0 & 1 == 0 }
    // Compressors may enlarge what they cannot compress, by little.
    let most = isFiltered ? chunkBytes + chunkBytes / 8 + 4096 : chunkBytes
    guard size <= most, isFiltered || size == chunkBytes else {
      throw HybridizeError(
        .hdf5BadChunk, expected: "\(isFiltered ? "at most " : "")\(most) bytes", found: "\(size) bytes")
    }
    try input.charge(MemoryLayout<Entry>.stride)
    entries.append(Entry(place: place, range: try input.place(address, size), mask: mask))
  }

  /// Puts the entries in order.
  ///
  /// - Throws: `.hdf5Corrupt` if two chunks have the same place.
  mutating func complete() throws(HybridizeError) {
    entries.sort { $0.place < $1.place }
    for (entry, next) in zip(entries, entries.dropFirst()) where entry.place == next.place {
      throw HybridizeError(
        .hdf5Corrupt, expected: "each chunk once", found: "chunk \(coordinates(of: entry.place)) twice")
    }
  }
}
