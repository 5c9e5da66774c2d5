/// Merges pairs of tokens by rank until none is left: byte-pair encoding (Sennrich et al. 2016).
struct PairMerges: Sendable {
  /// Rank and result of each pair that merges.
  private let merges: PairTable
  /// Words of at most so many symbols are rescanned for each merge; longer ones go through a heap, as rescanning a
  /// word of a million bytes would never end.
  private static let rescanLimit = 64

  /// - Parameter merges: first, second and merged token, best rank first.
  init(_ merges: [(first: Int, second: Int, merged: Int)]) {
    self.init(ranked: merges.enumerated().map { ($1.first, $1.second, $1.merged, $0) })
  }

  /// - Parameter merges: with their ranks, of which the lowest merges first; of equal ones the leftmost pair does.
  init(ranked merges: [(first: Int, second: Int, merged: Int, rank: Int)]) {
    var table = PairTable(count: merges.count)
    for merge in merges { table.insert(merge.first, merge.second, rank: merge.rank, merged: merge.merged) }
    self.merges = table
  }

  /// Appends the tokens of a word, given as the tokens of its characters or bytes.
  func encode(_ symbols: [Int], into ids: inout [Int]) {
    if symbols.count <= Self.rescanLimit { rescan(symbols, into: &ids) } else { heap(symbols, into: &ids) }
  }

  private func rescan(_ word: [Int], into ids: inout [Int]) {
    var symbols = word
    while symbols.count > 1 {
      var best: (position: Int, entry: PairTable.Entry)?
      for position in 0..<symbols.count - 1 {
        if let entry = merges.find(symbols[position], symbols[position + 1]), entry.rank < best?.entry.rank ?? .max {
          best = (position, entry)
        }
      }
      guard let best else { break }
      symbols[best.position] = Int(best.entry.merged)
      symbols.remove(at: best.position + 1)
    }
    ids += symbols
  }

  /// Candidates by rank, then by position, over a linked list of what is left.
  private func heap(_ word: [Int], into ids: inout [Int]) {
    var symbols = word
    var next = Array(1...word.count)
    var previous = Array(-1..<word.count - 1)
    var candidates = MinimumHeap<Candidate>()
    func push(_ position: Int) {
      guard position >= 0, next[position] < symbols.count else { return }
      let pair = (symbols[position], symbols[next[position]])
      guard let entry = merges.find(pair.0, pair.1) else { return }
      candidates.insert(
        Candidate(rank: entry.rank, position: position, first: pair.0, second: pair.1, merged: Int(entry.merged)))
    }
    for position in symbols.indices { push(position) }
    while let best = candidates.popMinimum() {
      let position = best.position
      // A merge beside it may have changed either symbol meanwhile.
      guard symbols[position] == best.first, next[position] < symbols.count, symbols[next[position]] == best.second
      else { continue }
      symbols[position] = best.merged
      let gone = next[position]
      symbols[gone] = -1
      next[position] = next[gone]
      if next[gone] < symbols.count { previous[next[gone]] = position }
      push(previous[position])
      push(position)
    }
    ids += symbols.filter { $0 >= 0 }
  }

  private struct Candidate: Comparable {
    let rank: Int32
    let position: Int
    let first: Int
    let second: Int
    let merged: Int

    static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
  }
}

/// Pairs of tokens to rank and merged token, by open addressing.
private struct PairTable: Sendable {
  struct Entry {
    var key: UInt64
    var rank: Int32
    var merged: Int32
  }

  private static let empty = UInt64.max
  private var entries: [Entry]
  private let mask: Int

  init(count: Int) {
    var size = 16
    while size < 2 * count { size *= 2 }
    entries = Array(repeating: Entry(key: Self.empty, rank: 0, merged: 0), count: size)
    mask = size - 1
  }

  private static func key(_ first: Int, _ second: Int) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

  /// Where a key is or would be.
  private func slot(_ key: UInt64) -> Int {
    // The wrapping product spreads the bits; that is all that it is for.
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while entries[slot].key != key && entries[slot].key != Self.empty { slot = (slot + 1) & mask }
    return slot
  }

  /// The last rank of a pair counts.
  mutating func insert(_ first: Int, _ second: Int, rank: Int, merged: Int) {
    let key = Self.key(first, second)
    let slot = slot(key)
    entries[slot] = Entry(key: key, rank: Int32(rank), merged: Int32(merged))
  }

  func find(_ first: Int, _ second: Int) -> Entry? {
    let entry = entries[slot(Self.key(first, second))]
    return entry.key == Self.empty ? nil : entry
  }
}

/// A binary heap.
private struct MinimumHeap<Element: Comparable> {
  private var elements: [Element] = []

  mutating func insert(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, elements[child] < elements[(child - 1) / 2] {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popMinimum() -> Element? {
    guard let last = elements.popLast() else { return nil }
    guard let minimum = elements.first else { return last }
    elements[0] = last
    var parent = 0
    while true {
      var smallest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count {
        if elements[child] < elements[smallest] { smallest = child }
      }
      if smallest == parent { return minimum }
      elements.swapAt(parent, smallest)
      parent = smallest
    }
  }
}
