/// Integer arithmetic that reports overflow as an error, for sizes that come from a file.
public enum CheckedMath {
  /// - Throws: `.sizeOverflow`.
  public static func multiply(_ a: Int, _ b: Int) throws(HybridizeError) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    guard !overflow else { throw HybridizeError(.sizeOverflow, found: "\(a) x \(b)") }
    return product
  }

  /// - Throws: `.sizeOverflow`.
  public static func add(_ a: Int, _ b: Int) throws(HybridizeError) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    guard !overflow else { throw HybridizeError(.sizeOverflow, found: "\(a) + \(b)") }
    return sum
  }
}
