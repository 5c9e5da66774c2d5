import HybridizeCore

/// Trees of version 2: records of a fixed size in nodes that carry checksums.
enum HDF5Tree2 {
  /// Calls `body` with every record, those of internal nodes included.
  ///
  /// - Parameter types: the kinds of record that are expected.
  static func visitRecords(
    _ input: HDF5Input, at address: Int, types: ClosedRange<Int>,
    _ body: (_ record: HDF5Cursor, _ type: Int) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let header = try Header(input, at: address, types: types)
    guard let root = header.root, header.rootCount > 0 else { return }
    var seen: Set<Int> = [root]
    var pending = [Node(address: root, count: header.rootCount, level: header.depth)]
    while let node = pending.popLast() {
      var cursor = try header.open(node, input)
      for _ in 0..<node.count { try body(try cursor.part(header.recordSize), header.type) }
      var children: [Node] = []
      if node.level > 0 {
        for _ in 0...node.count {
          let child = try header.child(&cursor, level: node.level - 1)
          guard seen.insert(child.address).inserted else {
            throw cursor.corrupt("a tree", "a node that is reached twice")
          }
          children.append(child)
        }
      }
      pending += children
    }
  }

  struct Node {
    let address: Int
    /// Records in the node itself.
    let count: Int
    /// 0 for a leaf.
    let level: Int
  }

  struct Header {
    let type: Int
    let recordSize: Int
    let depth: Int
    let root: Int?
    let rootCount: Int
    private let offsetSize: Int
    private let nodeSize: Int
    /// Bytes of the field that counts the records of a node.
    private var ownCount = 0
    /// For each level, bytes of the field that counts the records of a node and of all below it; none for leaves.
    private var allCounts = [0]

    init(_ input: HDF5Input, at address: Int, types: ClosedRange<Int>) throws(HybridizeError) {
      offsetSize = input.sizes.offset
      var cursor = try input.checkedStructure(at: address, count: 22 + input.sizes.offset + input.sizes.length)
      try cursor.expect(signature: "BTHD")
      try cursor.expect("tree version", in: 0...0)
      type = try cursor.expect("tree record type", in: types)
      nodeSize = try cursor.integer(4)
      recordSize = try cursor.integer(2)
      depth = try cursor.integer(2)
      try cursor.skip(2)
      root = try cursor.optionalAddress()
      rootCount = try cursor.integer(2)
      _ = try cursor.length()
      guard recordSize > 0, nodeSize >= 10 + recordSize, depth <= HDF5Limits.depth else {
        throw cursor.corrupt(
          "nodes with room for a record, at most \(HDF5Limits.depth) levels",
          "nodes of \(nodeSize) bytes, records of \(recordSize), \(depth) levels")
      }
      try countLevels(cursor)
    }

    /// How many records fit nodes of each level, and so how wide the fields are that count them.
    private mutating func countLevels(_ cursor: HDF5Cursor) throws(HybridizeError) {
      var all = (nodeSize - 10) / recordSize
      ownCount = HDF5Tree2.bytesToCount(all)
      for level in 0..<depth {
        let pointer = pointerSize(toLevel: level)
        guard nodeSize - 10 >= pointer else {
          throw cursor.corrupt("nodes with room for a pointer", "\(nodeSize) bytes")
        }
        let most = (nodeSize - 10 - pointer) / (recordSize + pointer)
        all = try CheckedMath.add(try CheckedMath.multiply(most + 1, all), most)
        allCounts.append(HDF5Tree2.bytesToCount(all))
      }
    }

    func open(_ node: Node, _ input: HDF5Input) throws(HybridizeError) -> HDF5Cursor {
      let pointers = node.level == 0 ? 0 : (node.count + 1) * pointerSize(toLevel: node.level - 1)
      var cursor = try input.checkedStructure(at: node.address, count: 10 + node.count * recordSize + pointers)
      try cursor.expect(signature: node.level == 0 ? "BTLF" : "BTIN")
      try cursor.expect("tree node version", in: 0...0)
      try cursor.expect("tree record type", in: type...type)
      return cursor
    }

    func child(_ cursor: inout HDF5Cursor, level: Int) throws(HybridizeError) -> Node {
      let address = try cursor.address()
      let count = try cursor.integer(ownCount)
      if level > 0 { _ = try cursor.integer(allCounts[level]) }
      return Node(address: address, count: count, level: level)
    }

    /// An address and one or two counts.
    private func pointerSize(toLevel level: Int) -> Int { offsetSize + ownCount + allCounts[level] }
  }

  /// Bytes that hold any count up to `most`.
  static func bytesToCount(_ most: Int) -> Int { (Int.bitWidth - max(most, 1).leadingZeroBitCount + 7) / 8 }
}
