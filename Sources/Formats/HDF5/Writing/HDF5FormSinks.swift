import HybridizeCore

/// Deals rows out to several datasets that have a part of each.
final class HDF5SplittingSink: HDF5DataSink {
  private let parts: [any HDF5DataSink]
  /// Bytes of a row in each part.
  private let widths: [Int]
  private var part = 0
  private var within = 0

  /// - Precondition: no width is zero.
  init(_ parts: [any HDF5DataSink], widths: [Int]) {
    self.parts = parts
    self.widths = widths
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(widths[part] - within)
      try parts[part].append(UnsafeRawBufferPointer(rebasing: piece))
      rest = rest.dropFirst(piece.count)
      within += piece.count
      if within == widths[part] {
        within = 0
        part = (part + 1) % parts.count
      }
    }
  }

  func finish() throws(HybridizeError) {
    for part in parts { try part.finish() }
  }
}

/// Turns a matrix round. Rows are gathered in a block, and its columns are written as parts of the other matrix' rows;
/// where the data goes into chunks the block is the whole matrix.
final class HDF5TransposingSink: HDF5DataSink {
  enum Target {
    /// From this offset on.
    case plain(HDF5DataFile, offset: Int)
    case inOrder(any HDF5DataSink)
  }

  /// Bytes of turned columns.
  private static let stripBytes = 4 << 20

  private let target: Target
  private let rows: Int
  private let columns: Int
  private let elementSize: Int
  private let block: OwnedBytes
  private let strip: OwnedBytes
  /// Rows that have been written before those of the block.
  private var top = 0
  private var filled = 0

  /// - Parameters:
  ///   - rows, columns: of what comes; neither is zero.
  ///   - blockBytes: of rows that are gathered, where not all have to be.
  init(_ target: Target, rows: Int, columns: Int, elementSize: Int, blockBytes: Int) {
    self.target = target
    self.rows = rows
    self.columns = columns
    self.elementSize = elementSize
    let rowBytes = columns * elementSize
    let blockRows: Int
    switch target {
    case .plain: blockRows = min(rows, max(1, blockBytes / rowBytes))
    case .inOrder: blockRows = rows
    }
    block = OwnedBytes(count: blockRows * rowBytes)
    strip = OwnedBytes(
      count: min(columns, max(1, Self.stripBytes / (blockRows * elementSize))) * blockRows * elementSize)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let room = min(block.bytes.count, (rows - top) * columns * elementSize) - filled
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(room))
      UnsafeMutableRawBufferPointer(rebasing: block.bytes[filled...]).copyMemory(from: piece)
      filled += piece.count
      rest = rest.dropFirst(piece.count)
      if piece.count == room { try writeBlock() }
    }
  }

  func finish() throws(HybridizeError) {
    if case .inOrder(let sink) = target { try sink.finish() }
  }

  private func writeBlock() throws(HybridizeError) {
    let count = filled / (columns * elementSize)
    let lineBytes = count * elementSize
    let width = strip.bytes.count / lineBytes
    for left in stride(from: 0, to: columns, by: width) {
      let band = left..<min(left + width, columns)
      switch elementSize {
      case 1: turn(band, count, as: UInt8.self)
      case 2: turn(band, count, as: UInt16.self)
      case 4: turn(band, count, as: UInt32.self)
      default: turn(band, count, as: UInt64.self)
      }
      let bytes = UnsafeRawBufferPointer(rebasing: strip.bytes.prefix(band.count * lineBytes))
      switch target {
      case .inOrder(let sink): try sink.append(bytes)
      case .plain(let file, let offset) where count == rows:
        try file.write(bytes, at: offset + left * lineBytes)
      case .plain(let file, let offset):
        for column in band {
          let line = UnsafeRawBufferPointer(
            rebasing: bytes[(column - left) * lineBytes..<(column - left + 1) * lineBytes])
          try file.write(line, at: offset + (column * rows + top) * elementSize)
        }
      }
    }
    top += count
    filled = 0
  }

  /// Columns of the block become lines of the strip. It goes through tiles of a few cache lines, as steps of whole rows,
  /// which tend to be powers of two, would all meet in the same places of the cache.
  private func turn<Element: BitwiseCopyable>(_ band: Range<Int>, _ count: Int, as type: Element.Type) {
    let source = block.bytes.bindMemory(to: type)
    let turned = strip.bytes.bindMemory(to: type)
    let side = 32
    withUnsafeTemporaryAllocation(of: type, capacity: side * side) { tile in
      for top in stride(from: 0, to: count, by: side) {
        let height = min(side, count - top)
        for left in stride(from: band.lowerBound, to: band.upperBound, by: side) {
          let width = min(side, band.upperBound - left)
          for row in 0..<height {
            let start = (top + row) * columns + left
            for column in 0..<width { tile[row &* side &+ column] = source[start &+ column] }
          }
          for column in 0..<width {
            let start = (left - band.lowerBound + column) * count + top
            for row in 0..<height { turned[start &+ row] = tile[row &* side &+ column] }
          }
        }
      }
    }
  }
}
