import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How the gates of a new gated DeltaNet layer start.
public enum GateInitialisation: String, Sendable, CaseIterable {
  /// As the published code: `A = U(0, 16)`, `dt` log-uniform in 0.001 to 0.1, projections as PyTorch draws them.
  case paper
  /// `A = 1` and half-lives spread geometrically over the heads from 4 to 512 tokens; the decay's projection a tenth
  /// as large.
  case spread

  /// Half-lives of the first and the last head, in tokens.
  static let halfLives = (shortest: 4.0, longest: 512.0)

  /// `A_log`, one value a head.
  func logRates(heads: Int, generator: inout SeededGenerator) -> [Double] {
    switch self {
    // Zero would have no logarithm; the draw's lower end is moved up a little.
    case .paper: (0..<heads).map { _ in log(max(generator.uniform(0, 16), 1e-3)) }
    case .spread: Array(repeating: 0, count: heads)
    }
  }

  /// `dt_bias`, one value a head: the inverse softplus of the step `dt`.
  func decayBiases(heads: Int, generator: inout SeededGenerator) -> [Double] {
    (0..<heads).map { head in
      let step: Double
      switch self {
      case .paper: step = max(exp(generator.uniform(log(1e-3), log(1e-1))), 1e-4)
      case .spread: step = log(2) / Self.halfLife(head, of: heads)
      }
      return step + log(-expm1(-step))
    }
  }

  /// Factor on the usual draw of the decay's projection.
  var decayProjectionScale: Double { self == .spread ? 0.1 : 1 }

  private static func halfLife(_ head: Int, of heads: Int) -> Double {
    guard heads > 1 else { return halfLives.longest }
    let share = Double(head) / Double(heads - 1)
    return halfLives.shortest * pow(halfLives.longest / halfLives.shortest, share)
  }
}
