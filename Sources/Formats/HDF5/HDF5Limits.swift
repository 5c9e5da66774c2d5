import HybridizeCore

/// What an HDF5 file may ask of the reader. Memory stays below twice the file and 64 MiB: chunks being decoded take
/// at most three buffers of `chunkBytes`, a decoded tensor `tensorBytes`.
package struct HDF5Limits: Sendable {
  /// Dimensions of a dataset.
  package static let rank = 32
  /// Groups within groups.
  package static let depth = 64
  /// Soft links on the way to one object.
  package static let softLinks = 16
  package static let objects = 1_000_000
  /// Bytes of an attribute's value.
  package static let attributeBytes = 16 << 20
  /// A dataset may be this many times as large as what is stored of it, and a mebibyte.
  package static let expansion = 1000

  /// Bytes of the file.
  let fileSize: Int

  // No overflow: sizes of files and memory are far below 2^62.
  var chunkBytes: Int { (8 << 20) + fileSize / 12 }
  package var tensorBytes: Int { (40 << 20) + fileSize + fileSize / 4 * 3 }
  /// Bytes of structures that may be read, names and tables that may be made, while the file is opened.
  var work: Int { (16 << 20) + 2 * fileSize }

  /// - Throws: `.hdf5ShapeBomb`.
  static func checkExpansion(logical: Int, stored: Int) throws(HybridizeError) {
    let (expanded, overflow) = stored.multipliedReportingOverflow(by: expansion)
    guard !overflow, logical > expanded, logical - expanded > 1 << 20 else { return }
    throw HybridizeError(
      .hdf5ShapeBomb, expected: "at most \(expansion) times the stored bytes and 1 MiB",
      found: "\(NumberText.grouped(logical)) bytes declared, \(NumberText.grouped(stored)) stored")
  }
}
