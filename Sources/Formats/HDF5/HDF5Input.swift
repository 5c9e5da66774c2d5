import HybridizeCore

/// The file while it is being opened: where structures are read from, and how much of that has been done.
final class HDF5Input {
  let source: ByteSource
  let sizes: HDF5FieldSizes
  /// Where address 0 is: after a user block.
  let base: Int
  let limits: HDF5Limits
  private var work = 0

  init(_ source: ByteSource, base: Int, sizes: HDF5FieldSizes) {
    self.source = source
    self.base = base
    self.sizes = sizes
    limits = HDF5Limits(fileSize: source.count)
  }

  /// A structure of `count` bytes at an address.
  ///
  /// - Throws: `.hdf5Truncated` if the file ends before, `.hdf5TooMuchWork`.
  func structure(at address: Int, count: Int) throws(HybridizeError) -> HDF5Cursor {
    let range = try place(address, count)
    try charge(count)
    let bytes = try source.read(at: range.lowerBound, count: count)
    return HDF5Cursor(bytes, origin: source.origin + range.lowerBound, sizes: sizes)
  }

  /// A structure of `count` bytes of which the last four are a checksum, which is verified and left out.
  ///
  /// - Throws: also `.hdf5Checksum`.
  func checkedStructure(at address: Int, count: Int) throws(HybridizeError) -> HDF5Cursor {
    var whole = try structure(at: address, count: count)
    let content = try whole.part(max(0, count - 4))
    try whole.expectChecksum()
    return content
  }

  /// Where in the source `count` bytes at `address` are.
  ///
  /// - Throws: `.hdf5Truncated` unless they are all there.
  func place(_ address: Int, _ count: Int) throws(HybridizeError) -> Range<Int> {
    let room = source.count - base
    guard address >= 0, count >= 0, address <= room, count <= room - address else {
      let (offset, overflow) = address.addingReportingOverflow(base + source.origin)
      throw HybridizeError(
        .hdf5Truncated, offset: overflow ? nil : offset, expected: "\(count) bytes",
        found: "\(max(0, room - max(0, address))) bytes up to the end of the file",
        remedy: "the file may be incomplete: fetch it again")
    }
    return base + address..<base + address + count
  }

  /// Counts work that is to be bounded: bytes read, names and tables made.
  ///
  /// - Throws: `.hdf5TooMuchWork`.
  func charge(_ amount: Int) throws(HybridizeError) {
    let (sum, overflow) = work.addingReportingOverflow(amount)
    guard !overflow, sum <= limits.work else {
      throw HybridizeError(.hdf5TooMuchWork, expected: "at most \(limits.work) bytes of structures and names")
    }
    work = sum
  }
}
