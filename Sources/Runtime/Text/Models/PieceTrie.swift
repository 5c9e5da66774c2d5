/// Pieces by their beginnings.
struct PieceTrie: Sendable {
  private let trie: ByteTrie
  /// The piece that ends in a node; -1 for none.
  private var pieces: [Int32]

  /// Of equal pieces the last counts. Empty ones are never found.
  init(_ texts: [[UInt8]]) {
    var trie = ByteTrie(capacity: texts.reduce(0) { $0 + $1.count })
    let ends = texts.map { trie.add($0) }
    self.trie = trie
    pieces = Array(repeating: -1, count: trie.parents.count)
    for (id, end) in ends.enumerated() where end != ByteTrie.root { pieces[Int(end)] = Int32(id) }
  }

  /// Calls `body` with each piece that `bytes` begins with and its length, shortest first.
  func prefixes(of bytes: ArraySlice<UInt8>, _ body: (_ piece: Int, _ length: Int) -> Void) {
    var node = ByteTrie.root
    var length = 0
    for byte in bytes {
      node = trie.child(of: node, byte)
      guard node != ByteTrie.root else { return }
      length += 1
      if pieces[Int(node)] >= 0 { body(Int(pieces[Int(node)]), length) }
    }
  }

  /// The piece that is just these bytes.
  func id(of bytes: ArraySlice<UInt8>) -> Int? {
    var node = ByteTrie.root
    for byte in bytes {
      node = trie.child(of: node, byte)
      guard node != ByteTrie.root else { return nil }
    }
    return pieces[Int(node)] < 0 ? nil : Int(pieces[Int(node)])
  }
}
