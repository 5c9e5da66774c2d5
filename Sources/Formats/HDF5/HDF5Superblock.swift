import HybridizeCore

/// The start of the file: sizes of fields and the root group.
struct HDF5Superblock: Sendable {
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Offset of the signature; what stands before is a user block.
  let base: Int
  let sizes: HDF5FieldSizes
  /// Address of the root group's object header.
  let root: Int

  /// Where the signature is: at 0, or after a user block of 512 bytes, 1,024, and so on.
  static func find(in source: ByteSource) throws(HybridizeError) -> Int? {
    var offset = 0
    while offset <= source.count - signature.count {
      if try source.read(at: offset, count: signature.count) == signature { return offset }
      offset = offset == 0 ? 512 : 2 * offset
    }
    return nil
  }

  /// - Throws: `.hdf5NoSignature`, `.hdf5Truncated`, `.hdf5Unsupported`, `.hdf5Checksum`.
  init(_ source: ByteSource) throws(HybridizeError) {
    guard let base = try Self.find(in: source) else {
      let start = try source.read(at: 0, count: min(8, source.count))
      throw HybridizeError(
        .hdf5NoSignature, expected: "89 48 44 46 0d 0a 1a 0a at 0, 512, 1024, ...",
        found: start.map(hexadecimal).joined(separator: " "))
    }
    // The longest superblock has 100 bytes and an entry of 40.
    let bytes = try source.read(at: base, count: min(160, source.count - base))
    var preview = HDF5Cursor(bytes, origin: source.origin + base, sizes: HDF5FieldSizes(offset: 8, length: 8))
    try preview.skip(Self.signature.count)
    let version = try preview.expect("superblock version", in: 0...3)
    if version < 2 { try preview.skip(4) }
    let sizes = HDF5FieldSizes(offset: try preview.byte(), length: try preview.byte())
    for size in [sizes.offset, sizes.length] where ![2, 4, 8].contains(size) {
      throw HybridizeError(
        .hdf5Unsupported, offset: preview.offset, expected: "addresses and lengths of 2, 4 or 8 bytes",
        found: "\(size) bytes")
    }
    var cursor = HDF5Cursor(bytes, origin: source.origin + base, sizes: sizes)
    try cursor.skip(preview.position)
    let fields = version < 2 ? try Self.old(&cursor, version: version) : try Self.new(&cursor)
    guard fields.end <= source.count - base else {
      throw HybridizeError(
        .hdf5Truncated, expected: "\(fields.end) bytes, as the superblock says", found: "\(source.count - base) bytes",
        remedy: "the file is incomplete: fetch it again")
    }
    self.base = base
    self.sizes = sizes
    root = fields.root
  }

  private static func old(
    _ cursor: inout HDF5Cursor, version: Int
  ) throws(HybridizeError) -> (end: Int, root: Int) {
    try cursor.skip(1 + 2 + 2 + 4 + (version == 1 ? 4 : 0))
    let end = try Self.end(&cursor)
    guard try cursor.optionalAddress() == nil else {
      throw HybridizeError(
        .hdf5Unsupported, offset: cursor.offset, expected: "all in one file", found: "a driver information block")
    }
    _ = try cursor.length()
    return (end, try cursor.address())
  }

  private static func new(_ cursor: inout HDF5Cursor) throws(HybridizeError) -> (end: Int, root: Int) {
    try cursor.skip(1)
    let end = try Self.end(&cursor)
    let root = try cursor.address()
    try cursor.expectChecksum()
    return (end, root)
  }

  /// Bytes from the signature to the end. The file counts both that and the signature's place from its first byte, and
  /// both are wrong by the same when a user block was added later.
  private static func end(_ cursor: inout HDF5Cursor) throws(HybridizeError) -> Int {
    let base = try cursor.address()
    _ = try cursor.optionalAddress()
    let end = try cursor.address()
    guard base <= end else { throw cursor.corrupt("an end after \(base)", "\(end)") }
    return end - base
  }
}
