/// Finds what somebody may have meant by a name that is not there.
enum SimilarNames {
  /// At most three names that share most of their beginning and end with `name`, the most similar first.
  static func find(_ name: String, among names: [String]) -> [String] {
    let wanted = Array(name.utf8)
    var scored: [(score: Double, name: String)] = []
    for candidate in names {
      let bytes = Array(candidate.utf8)
      let score = Double(sharedEnds(wanted, bytes)) / Double(max(wanted.count, bytes.count, 1))
      if score >= 0.6 { scored.append((score, candidate)) }
    }
    scored.sort { $0.score > $1.score }
    return scored.prefix(3).map(\.name)
  }

  /// Length of the common beginning and of the common end, which may not overlap.
  private static func sharedEnds(_ a: [UInt8], _ b: [UInt8]) -> Int {
    let shorter = min(a.count, b.count)
    var front = 0
    while front < shorter, a[front] == b[front] { front += 1 }
    var back = 0
    while back < shorter - front, a[a.count - 1 - back] == b[b.count - 1 - back] { back += 1 }
    return front + back
  }
}
