import HybridizeCore

/// The dimensions of a dataset or an attribute.
struct HDF5Dataspace {
  /// `nil` for a null dataspace: no elements at all.
  let dimensions: [Int]?
  /// To which the dimensions may grow; `nil` where without bound.
  let maximum: [Int?]

  /// - Throws: `.rankLimit`, `.hdf5Unsupported`, `.sizeOverflow`, `.hdf5Truncated`.
  init(_ message: HDF5Cursor) throws(HybridizeError) {
    var cursor = message
    let version = try cursor.expect("dataspace version", in: 1...2)
    let rank = try cursor.byte()
    guard rank <= HDF5Limits.rank else {
      throw HybridizeError(
        .rankLimit, offset: cursor.offset, expected: "at most \(HDF5Limits.rank) dimensions", found: "\(rank)")
    }
    let flags = try cursor.byte()
    if version == 1 {
      guard flags & 2 == 0 else { throw cursor.corrupt("no permutation of dimensions", "one") }
      try cursor.skip(5)
    } else if try cursor.expect("dataspace type", in: 0...2) == 2 {
      dimensions = nil
      maximum = []
      return
    }
    var dimensions: [Int] = []
    for _ in 0..<rank { dimensions.append(try cursor.length()) }
    var maximum: [Int?] = dimensions
    if flags & 1 != 0 {
      for index in 0..<rank { maximum[index] = try cursor.optionalLength() }
    }
    self.dimensions = dimensions
    self.maximum = maximum
  }

  /// Elements; 0 for a null dataspace.
  ///
  /// - Throws: `.sizeOverflow`.
  func elementCount() throws(HybridizeError) -> Int { try dimensions.map { Shape($0) }?.elementCount() ?? 0 }
}
