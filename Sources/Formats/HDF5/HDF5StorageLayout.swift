import HybridizeCore

/// Where a dataset's layout message says that its data is.
enum HDF5StorageLayout {
  case compact(HDF5Cursor)
  /// `nil` if nothing has been stored yet.
  case contiguous(address: Int?, size: Int)
  case chunked(HDF5Chunking)

  /// - Throws: `.hdf5VirtualData`, `.hdf5Unsupported`, `.hdf5Corrupt`, `.hdf5Truncated`.
  init(_ message: HDF5Cursor) throws(HybridizeError) {
    var cursor = message
    let version = try cursor.expect("layout version", in: 3...5)
    let kind = try cursor.expect("layout class", in: 0...3)
    switch kind {
    case 0: self = .compact(try cursor.part(try cursor.integer(2)))
    case 1: self = .contiguous(address: try cursor.optionalAddress(), size: try cursor.length())
    case 2: self = .chunked(try HDF5Chunking(&cursor, version: version))
    default: throw HybridizeError(.hdf5VirtualData, offset: cursor.offset)
    }
  }
}

/// How a dataset is cut into chunks, and by what kind of index they are found.
struct HDF5Chunking {
  enum Index {
    case tree1
    /// One chunk, with its stored size and filter mask where it is filtered.
    case single(filtered: (size: Int, mask: Int)?)
    /// All chunks one after the other.
    case implicit
    case fixedArray
    case extensibleArray
    case tree2
  }

  /// Elements of a chunk along each dimension.
  var shape: [Int] = []
  /// Bytes of an element as the layout has it; must agree with the datatype.
  let elementSize: Int
  let index: Index
  /// Of the index, or of the one chunk; `nil` if nothing has been stored yet.
  let address: Int?
  /// Chunks that stick out of the dataset were not filtered.
  let leavesEdgesUnfiltered: Bool
  /// Version 5 stores sizes of chunks in as many bytes as any length.
  let hasLongSizes: Bool

  fileprivate init(_ cursor: inout HDF5Cursor, version: Int) throws(HybridizeError) {
    hasLongSizes = version >= 5
    let flags = version == 3 ? 0 : try cursor.byte()
    leavesEdgesUnfiltered = flags & 1 != 0
    let rank = try cursor.byte()
    guard (2...HDF5Limits.rank + 1).contains(rank) else {
      throw HybridizeError(
        .rankLimit, offset: cursor.offset, expected: "chunks of 1 to \(HDF5Limits.rank) dimensions",
        found: "\(rank - 1)")
    }
    let tree = version == 3 ? try cursor.optionalAddress() : nil
    let bytes = version == 3 ? 4 : try cursor.byte()
    for _ in 0..<rank { shape.append(try cursor.integer(bytes)) }
    guard let last = shape.popLast(), last > 0, !shape.contains(0) else {
      throw cursor.corrupt("chunks of at least an element", "an empty one")
    }
    elementSize = last
    guard version > 3 else {
      index = .tree1
      address = tree
      return
    }
    switch try cursor.expect("chunk index type", in: 1...5) {
    case 1:
      index = .single(filtered: flags & 2 == 0 ? nil : (try cursor.length(), try cursor.integer(4)))
    case 2: index = .implicit
    case 3:
      try cursor.skip(1)
      index = .fixedArray
    case 4:
      try cursor.skip(5)
      index = .extensibleArray
    default:
      try cursor.skip(6)
      index = .tree2
    }
    address = try cursor.optionalAddress()
  }
}
