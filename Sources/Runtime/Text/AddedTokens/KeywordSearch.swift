/// Finds many texts in one pass (Aho and Corasick 1975): at each place the longest text that begins there.
///
/// The search goes through the text backwards, with the keywords backwards, as a keyword that begins at a place is then one that
/// ends there. Time is linear in the text, memory in the keywords.
struct KeywordSearch: Sendable {
  private let trie: ByteTrie
  /// The state of the longest suffix of each state.
  private var failures: [Int32]
  /// The longest keyword that ends in a state; -1 for none.
  private var keywords: [Int32]

  var isEmpty: Bool { keywords.count == 1 }

  /// Of equal texts the last counts. Empty ones are never found.
  init(_ texts: [[UInt8]]) {
    var trie = ByteTrie(capacity: texts.reduce(0) { $0 + $1.count })
    let ends = texts.map { trie.add($0.reversed()) }
    self.trie = trie
    keywords = Array(repeating: -1, count: trie.parents.count)
    for (index, end) in ends.enumerated() where end != ByteTrie.root { keywords[Int(end)] = Int32(index) }
    failures = Array(repeating: 0, count: trie.parents.count)
    // By depth, so that the failures of shallower states are there. A state's parent has a lower number.
    var depths = [Int32](repeating: 0, count: trie.parents.count)
    for state in depths.indices.dropFirst() { depths[state] = depths[Int(trie.parents[state].node)] + 1 }
    for state in depths.indices.dropFirst().sorted(by: { depths[$0] < depths[$1] }) {
      let (parent, byte) = trie.parents[state]
      if parent != ByteTrie.root { failures[state] = step(failures[Int(parent)], byte) }
      if keywords[state] < 0 { keywords[state] = keywords[Int(failures[state])] }
    }
  }

  private func step(_ from: Int32, _ byte: UInt8) -> Int32 {
    var state = from
    while true {
      let child = trie.child(of: state, byte)
      if child != 0 || state == ByteTrie.root { return child }
      state = failures[Int(state)]
    }
  }

  /// Where keywords begin in a range, from the last place to the first, and the longest that does.
  func occurrences(in bytes: [UInt8], _ range: Range<Int>) -> [(start: Int, keyword: Int)] {
    var found: [(start: Int, keyword: Int)] = []
    var state = ByteTrie.root
    for index in range.reversed() {
      state = state == ByteTrie.root ? trie.roots[Int(bytes[index])] : step(state, bytes[index])
      if state != ByteTrie.root, keywords[Int(state)] >= 0 { found.append((index, Int(keywords[Int(state)]))) }
    }
    return found
  }
}
