import HybridizeCore

/// Finds things by their names, in a sixth of the memory of a dictionary: it holds positions, and looks names up where they
/// are.
struct NameTable: Sendable {
  /// Open addressing; -1 where nothing is.
  private var slots: [Int32]
  private(set) var count = 0

  /// - Parameter capacity: names that are expected.
  init(capacity: Int) {
    var size = 16
    while size * 3 < capacity * 4 { size *= 2 }
    slots = Array(repeating: -1, count: size)
  }

  /// Adds the name of position `count`; false, and nothing done, if it is there already.
  ///
  /// - Parameter nameAt: the names of the positions so far.
  /// - Precondition: fewer than 2^31 names.
  mutating func add(_ name: String, _ nameAt: (Int) -> String) -> Bool {
    if (count + 1) * 4 > slots.count * 3 { grow(nameAt) }
    let slot = slot(of: name, nameAt)
    guard slots[slot] < 0 else { return false }
    slots[slot] = Int32(count)
    count += 1
    return true
  }

  /// The position of a name.
  func position(of name: String, _ nameAt: (Int) -> String) -> Int? {
    let position = slots[slot(of: name, nameAt)]
    return position < 0 ? nil : Int(position)
  }

  /// Where the name is, or where it would be.
  private func slot(of name: String, _ nameAt: (Int) -> String) -> Int {
    let key = UTF8Key(name)
    var slot = key.hashValue & (slots.count - 1)
    while slots[slot] >= 0, UTF8Key(nameAt(Int(slots[slot]))) != key { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  private mutating func grow(_ nameAt: (Int) -> String) {
    slots = Array(repeating: -1, count: slots.count * 2)
    for position in 0..<count { slots[slot(of: nameAt(position), nameAt)] = Int32(position) }
  }
}
