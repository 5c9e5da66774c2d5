import HybridizeCore

extension SafetensorsHeader {
  /// A tensor as the header claims it.
  struct Entry {
    var descriptor: TensorDescriptor
    /// Offsets from the start of the data.
    var begin: Int
    var end: Int
  }

  /// Puts `entries` in the order of their data and checks that they tile `dataSize` bytes: no hole, no overlap,
  /// nothing missing and nothing left over.
  ///
  /// - Returns: whether an entry had to be moved.
  static func validate(_ entries: inout [Entry], dataSize: Int) throws(HybridizeError) -> Bool {
    for entry in entries { try checkSize(entry) }
    // By the end as well: an empty tensor stands before one that starts at the same place.
    func precedes(_ a: Entry, _ b: Entry) -> Bool { (a.begin, a.end) < (b.begin, b.end) }
    let isMoved = zip(entries, entries.dropFirst()).contains { precedes($1, $0) }
    if isMoved { entries.sort(by: precedes) }
    try checkTiling(entries, dataSize: dataSize)
    return isMoved
  }

  private static func checkTiling(_ entries: [Entry], dataSize: Int) throws(HybridizeError) {
    var end = 0
    var previous = ""
    for entry in entries {
      let name = entry.descriptor.name
      guard entry.begin <= end else {
        throw HybridizeError(
          .hole, tensor: name, expected: "data from \(end) on", found: "data from \(entry.begin) on")
      }
      guard entry.begin == end else {
        throw HybridizeError(
          entry.begin == entry.end ? .offsetInsideOther : .overlap, tensor: name,
          expected: "data from \(end) on", found: "data from \(entry.begin) on, within \"\(previous)\"")
      }
      end = entry.end
      previous = name
    }
    guard end <= dataSize else {
      throw HybridizeError(
        .truncatedData, expected: "\(end) bytes of data",
        found: "\(dataSize) bytes, \(end - dataSize) fewer", remedy: "the file is incomplete: fetch it again")
    }
    guard end == dataSize else {
      throw HybridizeError(.trailingBytes, expected: "\(end) bytes of data", found: "\(dataSize - end) bytes more")
    }
  }

  private static func checkSize(_ entry: Entry) throws(HybridizeError) {
    let tensor = entry.descriptor
    guard entry.begin <= entry.end else {
      throw HybridizeError(.offsetsReversed, tensor: tensor.name, found: "[\(entry.begin), \(entry.end)]")
    }
    guard entry.end - entry.begin == tensor.byteCount else {
      throw HybridizeError(
        .sizeMismatch, tensor: tensor.name,
        expected: "\(tensor.byteCount) bytes for \(tensor.elementType.rawValue) \(tensor.shape)",
        found: "\(entry.end - entry.begin) bytes")
    }
  }
}
