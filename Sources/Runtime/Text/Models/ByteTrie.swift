/// Texts by their bytes: a tree with a node for each beginning of a text, its children by open addressing.
struct ByteTrie: Sendable {
  private struct Entry {
    /// Node and byte; no node has this one.
    var key: UInt64 = .max
    var child: Int32 = 0
  }

  static let root: Int32 = 0
  private var entries: [Entry]
  private let mask: Int
  /// Children of the root, 0 for none: most bytes of a text end there.
  private(set) var roots = [Int32](repeating: 0, count: 256)
  /// The node above each node, and the byte that leads from there. The root has itself.
  private(set) var parents: [(node: Int32, byte: UInt8)] = [(0, 0)]

  /// - Parameter capacity: bytes of all texts that will be added.
  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    entries = Array(repeating: Entry(), count: size)
    mask = size - 1
  }

  private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }

  private func slot(_ key: UInt64) -> Int {
    // The wrapping product spreads the bits; that is all that it is for.
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 20) & mask
    while entries[slot].key != key && entries[slot].key != .max { slot = (slot + 1) & mask }
    return slot
  }

  /// The node that a byte leads to; 0 for none.
  func child(of node: Int32, _ byte: UInt8) -> Int32 {
    if node == Self.root { return roots[Int(byte)] }
    let key = Self.key(node, byte)
    let entry = entries[slot(key)]
    return entry.key == key ? entry.child : 0
  }

  /// The node of a text, which is added if it is not there.
  ///
  /// - Precondition: no more bytes in all than the capacity.
  mutating func add(_ text: some Sequence<UInt8>) -> Int32 {
    var node = Self.root
    for byte in text {
      var child = child(of: node, byte)
      if child == 0 {
        child = Int32(parents.count)
        precondition(parents.count <= mask / 2 + 1, "more bytes than the capacity")
        parents.append((node, byte))
        if node == Self.root {
          roots[Int(byte)] = child
        } else {
          let key = Self.key(node, byte)
          entries[slot(key)] = Entry(key: key, child: child)
        }
      }
      node = child
    }
    return node
  }
}
