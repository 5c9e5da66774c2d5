import HybridizeCore

/// An HDF5 file, read without libhdf5: the part of the format that checkpoints use, and every claim of it checked.
///
/// Opening walks all groups and describes all datasets; no data is read. What leads out of the file (external links,
/// external storage, virtual datasets) is refused, and so is whatever is not understood. Work and memory are bounded
/// by the size of the file, see `HDF5Limits`.
package final class HDF5File: Sendable {
  /// A group or a dataset, under the path by which it was reached.
  package struct Object: Sendable {
    /// For instance `/layers/dense/vars/0`; `/` for the root.
    package let path: String
    /// Where its header is: the same for two links to one object.
    package let address: Int
    package let attributes: HDF5Attributes
    /// `nil` for a group.
    package let dataset: HDF5Dataset?
  }

  package let source: ByteSource
  /// Groups before what is in them, each group's links in the order of their names' bytes.
  package let objects: [Object]
  private let positions: [UTF8Key: Int]

  /// - Throws: `.unreadable`, or a problem of `HDF5Problems.swift` with the object and, where known, the offset.
  package convenience init(_ path: String) throws(HybridizeError) {
    try self.init(ByteSource(HostFile(path)))
  }

  package init(_ source: ByteSource) throws(HybridizeError) {
    do {
      let superblock = try HDF5Superblock(source)
      let input = HDF5Input(source, base: superblock.base, sizes: superblock.sizes)
      var walk = HDF5Walk(input, root: superblock.root)
      try walk.run()
      try walk.checkOverlaps()
      objects = walk.objects
      positions = walk.positions
      self.source = source
    } catch {
      throw error.inFile(source.path)
    }
  }

  /// The object at a path, compared by bytes.
  package func object(at path: String) -> Object? { positions[UTF8Key(path)].map { objects[$0] } }

  package var limits: HDF5Limits { HDF5Limits(fileSize: source.count) }

  package var root: Object { objects[0] }

  /// All paths that lead to datasets; one with several links appears as often.
  package var datasets: [Object] { objects.filter { $0.dataset != nil } }
}
