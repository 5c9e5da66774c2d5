import Testing

/// Expects two lists of numbers to agree within a tolerance, and says where they agree least.
///
/// - Parameter absolute: accepted difference, everywhere.
/// - Parameter relative: accepted difference as a share of the largest expected value.
package func expectClose(
  _ found: [Double], _ expected: [Double], absolute: Double = 0, relative: Double = 0, _ label: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.count == expected.count else {
    Issue.record("\(label): \(found.count) values, expected \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  let largest = expected.reduce(0) { max($0, abs($1)) }
  let tolerance = absolute + relative * largest
  var worst = (index: 0, difference: 0.0)
  for (index, pair) in zip(found, expected).enumerated() {
    let difference = abs(pair.0 - pair.1)
    // A comparison that NaN fails.
    if !(difference <= worst.difference) { worst = (index, difference) }
  }
  #expect(
    worst.difference <= tolerance,
    """
    \(label): differ by \(worst.difference) at \(worst.index), accepted \(tolerance): \
    \(found.isEmpty ? 0 : found[worst.index]) instead of \(expected.isEmpty ? 0 : expected[worst.index])
    """, sourceLocation: sourceLocation)
}
