import HybridizeCore

/// Reads the index of a dataset's chunks, of whichever kind it is.
struct HDF5ChunkIndex {
  let chunking: HDF5Chunking
  /// Chunks along each dimension of the largest dataset that this may become; `nil` without bound. Arrays number
  /// their chunks by it.
  let largestGrid: [Int?]
  var table: HDF5ChunkTable

  /// - Parameter maximum: to which the dataset may grow.
  init(_ chunking: HDF5Chunking, maximum: [Int?], table: HDF5ChunkTable) {
    self.chunking = chunking
    self.table = table
    largestGrid = zip(maximum, chunking.shape).map { size, chunk in size.map { max($0 - 1, 0) / chunk + 1 } }
  }

  /// - Throws: what is wrong with the index.
  mutating func read(_ input: HDF5Input) throws(HybridizeError) {
    guard let address = chunking.address else { return }
    switch chunking.index {
    case .tree1: try readTree1(input, at: address)
    case .tree2: try readTree2(input, at: address)
    case .single(let filtered):
      let zero = [Int](repeating: 0, count: table.grid.count)
      let all = allFiltersSkipped
      try add(
        input, at: zero, address: address, size: filtered?.size ?? table.chunkBytes, mask: filtered?.mask ?? all)
    case .implicit: try readImplicit(input, at: address)
    case .fixedArray:
      try HDF5FixedArray.visit(input, at: address) { (number, element) throws(HybridizeError) in
        try addElement(input, number, element)
      }
    case .extensibleArray:
      try HDF5ExtensibleArray.visit(input, at: address) { (number, element) throws(HybridizeError) in
        try addElement(input, number, element)
      }
    }
    try table.complete()
  }

  private var allFiltersSkipped: Int { (1 << table.filters.filters.count) - 1 }

  /// Bytes of the field for the stored size of a chunk.
  func sizeBytes(_ input: HDF5Input) -> Int {
    chunking.hasLongSizes
      ? input.sizes.length : min(8, 1 + (Int.bitWidth - table.chunkBytes.leadingZeroBitCount + 7) / 8)
  }

  // MARK: Trees

  private mutating func readTree1(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    let shape = chunking.shape
    try HDF5Tree1.visitLeaves(input, at: address, kind: .chunks(rank: shape.count)) {
      (key, child) throws(HybridizeError) in
      var key = key
      let size = try key.integer(4)
      let mask = try key.integer(4)
      var coordinates: [Int] = []
      for extent in shape {
        let (quotient, remainder) = try key.integer(8).quotientAndRemainder(dividingBy: extent)
        guard remainder == 0 else { throw key.corrupt("the corner of a chunk", "a place within one") }
        coordinates.append(quotient)
      }
      try add(input, at: coordinates, address: child, size: size, mask: mask)
    }
  }

  private mutating func readTree2(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    let rank = chunking.shape.count
    let sizeBytes = sizeBytes(input)
    try HDF5Tree2.visitRecords(input, at: address, types: 10...11) { (record, type) throws(HybridizeError) in
      var record = record
      let place = try record.address()
      let size = type == 11 ? try record.integer(sizeBytes) : table.chunkBytes
      let mask = type == 11 ? try record.integer(4) : allFiltersSkipped
      var coordinates: [Int] = []
      for _ in 0..<rank { coordinates.append(try record.integer(8)) }
      try add(input, at: coordinates, address: place, size: size, mask: mask)
    }
  }

  // MARK: Arrays

  private mutating func readImplicit(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    var count = 1
    for extent in table.grid { count = try CheckedMath.multiply(count, extent) }
    // All of it must be in the file, before any of it is counted up.
    _ = try input.place(address, try CheckedMath.multiply(count, table.chunkBytes))
    for number in 0..<count {
      let coordinates = table.coordinates(of: number)
      var place = 0
      for (coordinate, extent) in zip(coordinates, largestGrid) {
        place = try CheckedMath.add(try CheckedMath.multiply(place, extent ?? 1), coordinate)
      }
      let start = try CheckedMath.add(address, try CheckedMath.multiply(place, table.chunkBytes))
      try add(input, at: coordinates, address: start, size: table.chunkBytes, mask: allFiltersSkipped)
    }
  }

  /// An element of an array: an address, and for filtered chunks the stored size and the mask.
  private mutating func addElement(
    _ input: HDF5Input, _ number: Int, _ element: HDF5ArrayElement
  ) throws(HybridizeError) {
    var cursor = element.body
    guard let address = try cursor.optionalAddress() else { return }
    let size = element.isFiltered ? try cursor.integer(cursor.rest - 4) : table.chunkBytes
    let mask = element.isFiltered ? try cursor.integer(4) : allFiltersSkipped
    guard let coordinates = coordinates(ofElement: number) else { return }
    try add(input, at: coordinates, address: address, size: size, mask: mask)
  }

  /// Arrays number chunks in row-major order of the largest grid, with the dimension that has no bound first.
  private func coordinates(ofElement number: Int) -> [Int]? {
    var axes = Array(largestGrid.indices)
    if let unbounded = largestGrid.firstIndex(of: nil) {
      axes.remove(at: unbounded)
      axes.insert(unbounded, at: 0)
    }
    var coordinates = [Int](repeating: 0, count: axes.count)
    var rest = number
    for (position, axis) in axes.enumerated().reversed() {
      guard position > 0 else {
        coordinates[axis] = rest
        break
      }
      guard let extent = largestGrid[axis] else { return nil }
      (rest, coordinates[axis]) = rest.quotientAndRemainder(dividingBy: extent)
    }
    return coordinates
  }

  private mutating func add(
    _ input: HDF5Input, at coordinates: [Int], address: Int, size: Int, mask: Int
  ) throws(HybridizeError) {
    var mask = mask
    if chunking.leavesEdgesUnfiltered {
      let isEdge = zip(zip(coordinates, table.chunkShape), table.shape).contains { place, size in
        // No overflow: a chunk within the grid ends less than a chunk after the dataset.
        place.0 < (size - 1) / place.1 + 1 && size - place.0 * place.1 < place.1
      }
      if isEdge { mask = allFiltersSkipped }
    }
    try table.add(input, at: coordinates, address: address, size: size, mask: mask)
  }
}

/// An element of a chunk array.
struct HDF5ArrayElement {
  let body: HDF5Cursor
  let isFiltered: Bool
}
