import HybridizeCore
import HybridizeRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How the gates of a new linear mixer start.
public enum GateInitialisation: String, Sendable, CaseIterable {
  /// As the published code draws them.
  case paper
  /// Half-lives spread geometrically over the heads from 4 to 512 tokens, all channels of a head alike: a rotation, which
  /// mixes pairs of channels, then keeps its meaning. The decay's projection is a tenth as large as usual.
  case spread

  /// Half-lives of the first and the last head, in tokens.
  static let halfLives = (shortest: 4.0, longest: 512.0)

  /// `A_log` of gated DeltaNet and Kimi delta attention, one value a head: `A = U(lowest, 16)`, or 1.
  func logRates(heads: Int, from lowest: Double, _ generator: inout SeededGenerator) -> [Double] {
    switch self {
    // Zero would have no logarithm; the draw's lower end is moved up a little.
    case .paper: (0..<heads).map { _ in log(max(generator.uniform(lowest, 16), 1e-3)) }
    case .spread: Array(repeating: 0, count: heads)
    }
  }

  /// `dt_bias` of gated DeltaNet and Kimi delta attention, `channels` values a head: the inverse softplus of a step that
  /// is drawn log-uniformly from 0.001 to 0.1, or is `ln 2 / halfLife`. With a bound L the spread is over
  /// `L sigmoid(dt_bias)` instead.
  func decayBiases(
    heads: Int, channels: Int, bound: Double? = nil, _ generator: inout SeededGenerator
  ) -> [Double] {
    switch self {
    case .paper:
      (0..<heads * channels).map { _ in
        Self.inverseSoftplus(max(exp(generator.uniform(log(1e-3), log(1e-1))), 1e-4))
      }
    case .spread:
      spread(heads: heads, channels: channels) { step in
        bound.map { -log(-$0 / step - 1) } ?? Self.inverseSoftplus(step)
      }
    }
  }

  /// The bias of gated linear attention's decay projection, `channels` values a head:
  /// `log(sigmoid(bias)) / 16 = -ln 2 / halfLife`.
  func logSigmoidBiases(heads: Int, channels: Int) -> [Double] {
    spread(heads: heads, channels: channels) { -log(expm1(GatedLinearAttentionOptions.decayDivisor * $0)) }
  }

  /// Factor on the usual draw of the decay's projection.
  var decayProjectionScale: Double { self == .spread ? 0.1 : 1 }

  /// The bias for each head's share of a halving a token, the same in all its channels.
  private func spread(heads: Int, channels: Int, _ bias: (_ step: Double) -> Double) -> [Double] {
    (0..<heads).flatMap { Array(repeating: bias(log(2) / Self.halfLife($0, of: heads)), count: channels) }
  }

  private static func inverseSoftplus(_ x: Double) -> Double { x + log(-expm1(-x)) }

  private static func halfLife(_ head: Int, of heads: Int) -> Double {
    guard heads > 1 else { return halfLives.longest }
    let share = Double(head) / Double(heads - 1)
    return halfLives.shortest * pow(halfLives.longest / halfLives.shortest, share)
  }
}
