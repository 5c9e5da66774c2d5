/// Finds many texts in one pass (Aho and Corasick 1975): at each place the longest text that begins there.
///
/// The search goes through the text backwards, with the keywords backwards, as a keyword that begins at a place is then one that
/// ends there. Time is linear in the text, memory in the keywords.
struct KeywordSearch: Sendable {
  /// Children by state and byte, by open addressing: state << 8 | byte, child.
  private var keys: [UInt64]
  private var children: [Int32]
  private let mask: Int
  /// Children of the root.
  private var roots = [Int32](repeating: 0, count: 256)
  /// The state of the longest suffix.
  private var failures: [Int32] = [0]
  /// The longest keyword that ends in a state; -1 for none.
  private var keywords: [Int32] = [-1]

  var isEmpty: Bool { keywords.count == 1 }

  /// Of equal texts the last counts. Empty ones are never found.
  init(_ texts: [[UInt8]]) {
    let total = texts.reduce(0) { $0 + $1.count }
    var size = 16
    while size < 2 * total { size *= 2 }
    keys = Array(repeating: .max, count: size)
    children = Array(repeating: 0, count: size)
    mask = size - 1
    // States in order of depth are made level by level, so that failures of shallower ones are there.
    var parents: [(parent: Int32, byte: UInt8)] = [(0, 0)]
    var depths: [Int32] = [0]
    for (index, text) in texts.enumerated() where !text.isEmpty {
      var state: Int32 = 0
      for byte in text.reversed() {
        if let child = child(of: state, byte) {
          state = child
        } else {
          let made = Int32(parents.count)
          parents.append((state, byte))
          depths.append(depths[Int(state)] + 1)
          keywords.append(-1)
          insert(state, byte, made)
          state = made
        }
      }
      keywords[Int(state)] = Int32(index)
    }
    failures = Array(repeating: 0, count: parents.count)
    let order = parents.indices.dropFirst().sorted { depths[$0] < depths[$1] }
    for state in order {
      let (parent, byte) = parents[state]
      if parent != 0 { failures[state] = step(failures[Int(parent)], byte) }
      if keywords[state] < 0 { keywords[state] = keywords[Int(failures[state])] }
    }
  }

  private func slot(_ key: UInt64) -> Int {
    // The wrapping product spreads the bits; that is all that it is for.
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 20) & mask
    while keys[slot] != key && keys[slot] != .max { slot = (slot + 1) & mask }
    return slot
  }

  private func child(of state: Int32, _ byte: UInt8) -> Int32? {
    if state == 0 { return roots[Int(byte)] == 0 ? nil : roots[Int(byte)] }
    let key = UInt64(state) << 8 | UInt64(byte)
    let slot = slot(key)
    return keys[slot] == key ? children[slot] : nil
  }

  private mutating func insert(_ state: Int32, _ byte: UInt8, _ child: Int32) {
    if state == 0 {
      roots[Int(byte)] = child
      return
    }
    let key = UInt64(state) << 8 | UInt64(byte)
    let slot = slot(key)
    keys[slot] = key
    children[slot] = child
  }

  private func step(_ from: Int32, _ byte: UInt8) -> Int32 {
    var state = from
    while true {
      if let child = child(of: state, byte) { return child }
      if state == 0 { return 0 }
      state = failures[Int(state)]
    }
  }

  /// Where keywords begin in a range, from the last place to the first, and the longest that does.
  func occurrences(in bytes: [UInt8], _ range: Range<Int>) -> [(start: Int, keyword: Int)] {
    var found: [(start: Int, keyword: Int)] = []
    var state: Int32 = 0
    for index in range.reversed() {
      state = state == 0 ? roots[Int(bytes[index])] : step(state, bytes[index])
      if state != 0, keywords[Int(state)] >= 0 { found.append((index, Int(keywords[Int(state)]))) }
    }
    return found
  }
}
