#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// From values to places along one side of a drawing, with ticks at round values.
package struct Axis {
  package let isLogarithmic: Bool
  package let low: Double
  package let high: Double
  package let ticks: [Double]

  /// Where a value lies, 0 at the low end and 1 at the high one.
  package func place(_ value: Double) -> Double {
    isLogarithmic ? log2(max(value, low) / low) / log2(high / low) : (value - low) / (high - low)
  }

  /// From zero to a round value above all values, about five ticks.
  package static func linear(_ values: [Double]) -> Axis {
    let greatest = values.filter(\.isFinite).max() ?? 0
    guard greatest > 0 else { return Axis(isLogarithmic: false, low: 0, high: 1, ticks: [0, 1]) }
    let step = roundStep(greatest / 5)
    let count = Int((greatest / step).rounded(.up))
    return Axis(
      isLogarithmic: false, low: 0, high: step * Double(count), ticks: (0...count).map { Double($0) * step })
  }

  /// Around all values, which must be positive to be seen; ticks at powers of two, at most eight of them.
  package static func logarithmic(_ values: [Double], margin: Double = 1.15) -> Axis {
    let seen = values.filter { $0.isFinite && $0 > 0 }
    let (least, greatest) = ((seen.min() ?? 1) / margin, (seen.max() ?? 2) * margin)
    let first = Int(log2(least).rounded(.up))
    let last = Int(log2(greatest).rounded(.down))
    let step = max(1, (max(0, last - first) + 8) / 8)
    let ticks = first <= last ? stride(from: first, through: last, by: step).map { exp2(Double($0)) } : []
    return Axis(isLogarithmic: true, low: least, high: greatest, ticks: ticks)
  }

  /// Logarithmic where linear steps would crowd most values into a corner.
  package static func fitting(_ values: [Double]) -> Axis {
    let seen = values.filter { $0.isFinite && $0 > 0 }
    guard let least = seen.min(), let greatest = seen.max(), greatest > 12 * least else { return linear(values) }
    return logarithmic(values)
  }

  /// 1, 2 or 5 times a power of ten, at least `step`.
  private static func roundStep(_ step: Double) -> Double {
    let power = pow(10, log10(step).rounded(.down))
    return [1, 2, 5].map { $0 * power }.first { $0 >= step * 0.999 } ?? 10 * power
  }
}
