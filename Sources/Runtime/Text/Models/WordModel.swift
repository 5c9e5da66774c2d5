import HybridizeCore

/// What makes the tokens of a word.
protocol WordModel: Sendable {
  /// Appends the ids of a word.
  ///
  /// - Throws: `.tokenizerUnsupported` for a character that the vocabulary has no token for, where the model may not leave it out.
  func encode(_ text: ClassifiedText, _ word: Range<Int>, into ids: inout [Int]) throws(HybridizeError)
}

/// The tokens of a vocabulary by their bytes.
struct VocabularyTable: Sendable {
  private struct Entry {
    var hash: UInt64 = 0
    var id: Int32 = -1
  }

  /// The bytes of all tokens, one after the other.
  private var bytes: [UInt8] = []
  private var places: [Range<Int>] = []
  private var ids: [Int] = []
  private var entries: [Entry]
  private let mask: Int

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    entries = Array(repeating: Entry(), count: size)
    mask = size - 1
  }

  private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    // FNV-1a, with a last product that spreads the bits; the products wrap by design.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return (hash ^ hash >> 32) &* 0x9e37_79b9_7f4a_7c15
  }

  private func slot(_ key: ArraySlice<UInt8>, _ hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash >> 24) & mask
    while entries[slot].id >= 0 {
      if entries[slot].hash == hash, bytes[places[Int(entries[slot].id)]].elementsEqual(key) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// - Precondition: no more tokens than the capacity.
  mutating func insert(_ key: ArraySlice<UInt8>, id: Int) {
    let hash = Self.hash(key)
    let slot = slot(key, hash)
    if entries[slot].id >= 0 {
      ids[Int(entries[slot].id)] = id
      return
    }
    precondition(places.count <= mask / 2, "more tokens than the capacity")
    entries[slot] = Entry(hash: hash, id: Int32(places.count))
    places.append(bytes.count..<bytes.count + key.count)
    bytes += key
    ids.append(id)
  }

  func id(of key: ArraySlice<UInt8>) -> Int? {
    let entry = entries[slot(key, Self.hash(key))]
    return entry.id < 0 ? nil : ids[Int(entry.id)]
  }
}
