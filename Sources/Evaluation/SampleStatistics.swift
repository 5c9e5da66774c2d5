import HybridizeCore

/// What is said of repeated measurements.
///
/// - Precondition: not empty.
extension [Double] {
  package var mean: Double { reduce(0, +) / Double(count) }

  /// With n - 1 in the denominator; 0 for a single value.
  package var standardDeviation: Double {
    guard count > 1 else { return 0 }
    let mean = mean
    return (reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }

  /// The value in the middle, or the mean of the two there: half of the values may be anything.
  package var median: Double {
    let ordered = sorted()
    return (ordered[(count - 1) / 2] + ordered[count / 2]) / 2
  }

  /// The median of the distances from the median.
  package var medianAbsoluteDeviation: Double {
    let middle = median
    return map { abs($0 - middle) }.median
  }
}

/// How many times as large some measurements are as others that were taken in turn with them.
package struct PairedRatio: Sendable, Equatable {
  /// The ratio of the medians.
  package let value: Double
  /// Where 95 % of the ratios lie that come of drawing repetitions anew; `nil` for less than three of them. A pair stays
  /// together, so that what slows both does not count.
  package let interval: ClosedRange<Double>?

  /// - Precondition: as many of both, at least one.
  package init(of values: [Double], over base: [Double], seed: UInt64 = 1) {
    precondition(values.count == base.count && !base.isEmpty, "\(values.count) values over \(base.count)")
    value = values.median / base.median
    guard base.count > 2 else {
      interval = nil
      return
    }
    var generator = SeededGenerator(seed: seed, stream: "bootstrap")
    let ratios = (0..<Self.draws).map { _ in
      let drawn = base.indices.map { _ in generator.index(below: base.count) }
      return drawn.map { values[$0] }.median / drawn.map { base[$0] }.median
    }.sorted()
    interval = ratios[Self.draws / 40]...ratios[Self.draws - 1 - Self.draws / 40]
  }

  private static let draws = 2000
}
