import HybridizeCore

/// Trees of version 1: over the symbols of a group, or over the chunks of a dataset.
enum HDF5Tree1 {
  enum Kind {
    case group
    /// With the number of dimensions of the dataset.
    case chunks(rank: Int)
  }

  /// Calls `body` with the key and the address of every child of a leaf.
  ///
  /// Every node is read once: a tree that leads back into itself is refused.
  static func visitLeaves(
    _ input: HDF5Input, at root: Int, kind: Kind,
    _ body: (_ key: HDF5Cursor, _ child: Int) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let keySize: Int
    let type: Int
    switch kind {
    case .group: (type, keySize) = (0, input.sizes.length)
    case .chunks(let rank): (type, keySize) = (1, 8 + 8 * (rank + 1))
    }
    var seen: Set<Int> = [root]
    // The level that a node must have is one below its parent's, so that the depth is bounded too.
    var pending: [(address: Int, level: Int?)] = [(root, nil)]
    while let node = pending.popLast() {
      let prefix = 8 + 2 * input.sizes.offset
      var header = try input.structure(at: node.address, count: prefix)
      try header.expect(signature: "TREE")
      try header.expect("tree node type", in: type...type)
      let level = try header.byte()
      guard level == node.level ?? level, level <= HDF5Limits.depth else {
        throw header.corrupt("a tree node of level \(node.level ?? HDF5Limits.depth)", "\(level)")
      }
      let count = try header.integer(2)
      let byteCount = count * (keySize + input.sizes.offset)
      var cursor = try input.structure(at: try CheckedMath.add(node.address, prefix), count: byteCount)
      for _ in 0..<count {
        let key = try cursor.part(keySize)
        let child = try cursor.address()
        guard level > 0 else {
          try body(key, child)
          continue
        }
        guard seen.insert(child).inserted else {
          throw cursor.corrupt("a tree", "a node that is reached twice")
        }
        pending.append((child, level - 1))
      }
    }
  }
}
