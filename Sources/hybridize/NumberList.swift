import HybridizeCore

/// Lists of numbers on the command line: `0,6` or `0-3,7`.
enum NumberList {
  /// - Throws: `.badArgument`.
  static func parse(_ text: String, _ option: String) throws(HybridizeError) -> [Int] {
    var numbers: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      let values = ends.compactMap { Int($0) }
      guard values.count == ends.count, (1...2).contains(values.count), let first = values.first,
        let last = values.last, first >= 0, first <= last, last - first < 100_000
      else {
        throw HybridizeError(
          .badArgument, expected: "\(option): numbers like 0,6 or 0-3,7", found: text)
      }
      numbers += first...last
    }
    return numbers
  }
}
