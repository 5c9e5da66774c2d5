import HybridizeCore

/// Where groups with many links and objects with many attributes keep them.
struct HDF5FractalHeap {
  private let address: Int
  private let identifierSize: Int
  private let checksDirectBlocks: Bool
  private let maximumManaged: Int
  private let width: Int
  private let startSize: Int
  private let maximumDirectSize: Int
  /// Bits of an offset in the heap.
  private let offsetBits: Int
  private let root: Int?
  /// Rows of the root block; 0 if it is a direct one.
  private let rootRows: Int
  /// Objects that were too large for blocks, by their number.
  private var huge: [Int: (address: Int, size: Int)] = [:]

  init(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    self.address = address
    let fixed = 26 + 12 * input.sizes.length + 3 * input.sizes.offset
    var cursor = try input.checkedStructure(at: address, count: fixed)
    try cursor.expect(signature: "FRHP")
    try cursor.expect("fractal heap version", in: 0...0)
    identifierSize = try cursor.integer(2)
    guard try cursor.integer(2) == 0 else {
      throw HybridizeError(
        .hdf5Unsupported, offset: cursor.offset, expected: "a heap without filters", found: "a filtered one")
    }
    checksDirectBlocks = try cursor.byte() & 2 != 0
    maximumManaged = try cursor.integer(4)
    _ = try cursor.length()
    let hugeTree = try cursor.optionalAddress()
    _ = try cursor.length()
    _ = try cursor.optionalAddress()
    for _ in 0..<8 { _ = try cursor.unsigned(input.sizes.length) }
    width = try cursor.integer(2)
    startSize = try cursor.length()
    maximumDirectSize = try cursor.length()
    offsetBits = try cursor.integer(2)
    _ = try cursor.integer(2)
    root = try cursor.optionalAddress()
    rootRows = try cursor.integer(2)
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard isPower(width), isPower(startSize), isPower(maximumDirectSize), startSize <= maximumDirectSize,
      (1...62).contains(offsetBits), maximumManaged > 0, rootRows <= HDF5Limits.depth
    else { throw cursor.corrupt("a doubling table", "sizes that are none") }
    if let hugeTree { huge = try Self.readHuge(input, at: hugeTree) }
  }

  private static func readHuge(
    _ input: HDF5Input, at address: Int
  ) throws(HybridizeError) -> [Int: (address: Int, size: Int)] {
    var found: [Int: (address: Int, size: Int)] = [:]
    try HDF5Tree2.visitRecords(input, at: address, types: 1...1) { (record, _) throws(HybridizeError) in
      var record = record
      let place = try record.address()
      let size = try record.length()
      found[try record.length()] = (place, size)
    }
    return found
  }

  /// The object with an identifier.
  ///
  /// - Throws: `.hdf5Corrupt`, `.hdf5Checksum`, `.hdf5Truncated`, `.hdf5TooMuchWork`.
  func object(_ identifier: HDF5Cursor, _ input: HDF5Input) throws(HybridizeError) -> HDF5Cursor {
    var cursor = identifier
    let flags = try cursor.byte()
    switch flags >> 4 & 3 {
    case 0:
      let offset = try cursor.integer((offsetBits + 7) / 8)
      let direct = (maximumDirectSize.trailingZeroBitCount + 7) / 8
      let size = try cursor.integer(min(max(direct, 1), HDF5Tree2.bytesToCount(maximumManaged)))
      return try managed(at: offset, count: size, input)
    case 1:
      guard identifierSize < 1 + input.sizes.offset + input.sizes.length else {
        let place = try cursor.address()
        return try input.structure(at: place, count: try cursor.length())
      }
      let number = try cursor.integer(min(identifierSize - 1, input.sizes.length))
      guard let place = huge[number] else { throw cursor.corrupt("the number of a large object", "\(number)") }
      return try input.structure(at: place.address, count: place.size)
    case 2: return try cursor.part((flags & 0xF) + 1)
    default: throw cursor.corrupt("a heap object of a known kind", "kind 3")
    }
  }

  /// Walks down from the root to the direct block that holds the offset.
  private func managed(at offset: Int, count: Int, _ input: HDF5Input) throws(HybridizeError) -> HDF5Cursor {
    guard var block = root else {
      throw HybridizeError(.hdf5Corrupt, offset: address, expected: "a block for a heap object", found: "an empty heap")
    }
    var start = 0
    var size = startSize
    var rows = rootRows
    let prefix = 5 + input.sizes.offset + (offsetBits + 7) / 8
    // Every step down has fewer rows, or ends at a direct block.
    while rows > 0 {
      let entry = try self.entry(for: offset - start, rows: rows, input)
      let place = try CheckedMath.add(block, prefix + entry.index * input.sizes.offset)
      var pointer = try input.structure(at: place, count: input.sizes.offset)
      var header = try input.structure(at: block, count: 5)
      try header.expect(signature: "FHIB")
      try header.expect("heap block version", in: 0...0)
      block = try pointer.address()
      start += entry.start
      size = entry.size
      guard entry.rows < rows else { throw pointer.corrupt("a smaller block", "one of \(entry.rows) rows") }
      rows = entry.rows
    }
    let within = offset - start
    guard within >= prefix + (checksDirectBlocks ? 4 : 0), count <= size, within <= size - count else {
      throw HybridizeError(
        .hdf5Corrupt, offset: address, expected: "an object within a block of \(size) bytes",
        found: "\(count) bytes from \(within)")
    }
    var header = try input.structure(at: block, count: 5)
    try header.expect(signature: "FHDB")
    try header.expect("heap block version", in: 0...0)
    return try input.structure(at: try CheckedMath.add(block, within), count: count)
  }

  /// The entry of an indirect block that holds `offset`: blocks of the first two rows have the starting size, and
  /// those of each further row twice the size of the row before.
  private func entry(
    for offset: Int, rows: Int, _ input: HDF5Input
  ) throws(HybridizeError) -> (index: Int, start: Int, size: Int, rows: Int) {
    var rowStart = 0
    for row in 0..<rows {
      let shift = max(0, row - 1)
      guard shift < 62, startSize <= Int.max >> shift else { break }
      let size = startSize << shift
      let rowEnd = try CheckedMath.add(rowStart, try CheckedMath.multiply(size, width))
      if offset < rowEnd, offset >= rowStart {
        let column = (offset - rowStart) / size
        let index = try CheckedMath.add(try CheckedMath.multiply(row, width), column)
        return (index, rowStart + column * size, size, size <= maximumDirectSize ? 0 : rowCount(of: size))
      }
      rowStart = rowEnd
    }
    throw HybridizeError(
      .hdf5Corrupt, offset: address, expected: "an offset within the heap", found: "\(offset)")
  }

  /// Rows of an indirect block that covers `size` bytes.
  private func rowCount(of size: Int) -> Int {
    max(1, size.trailingZeroBitCount - startSize.trailingZeroBitCount - width.trailingZeroBitCount + 1)
  }
}
