#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension RotaryEmbedding {
  /// How frequencies are changed for contexts longer than those of pretraining. What transformers' `modeling_rope_utils`
  /// computes.
  public enum Scaling: Sendable, Equatable {
    case none
    /// Positions divided by a factor.
    case linear(factor: Double)
    /// The base grows with the length of the text, once that is beyond the context of pretraining (NTK scaling).
    case dynamic(factor: Double, originalContext: Double)
    /// Llama 3.1: long wavelengths divided by the factor, short ones kept, a smooth passage between.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Double)
    case yarn(Yarn)
    case longRope(LongRope)
    /// Only a share of the pairs turn, at the frequencies that they have in the whole head, divided by a factor.
    case proportional(factor: Double, share: Double)
  }

  /// YaRN (arXiv 2309.00071): pairs that turn often within the context keep their frequency, those that turn rarely have it
  /// divided by the factor, with a ramp between.
  public struct Yarn: Sendable, Equatable {
    public var factor: Double
    public var originalContext: Double
    /// Turns within the original context at which the ramp begins and ends.
    public var fastTurns = 32.0
    public var slowTurns = 1.0
    /// The ramp begins and ends at whole pairs.
    public var truncates = true

    public init(factor: Double, originalContext: Double) {
      self.factor = factor
      self.originalContext = originalContext
    }

    /// The part of each pair's frequency that is divided by the factor.
    ///
    /// - Parameter dimension: of the channels that turn.
    func ramp(theta: Double, dimension: Int) -> [Double] {
      func pair(turns: Double) -> Double {
        Double(dimension) * log(originalContext / (turns * 2 * Double.pi)) / (2 * log(theta))
      }
      let (first, last) = (pair(turns: fastTurns), pair(turns: slowTurns))
      let low = max(truncates ? first.rounded(.down) : first, 0)
      var high = min(truncates ? last.rounded(.up) : last, Double(dimension - 1))
      if low == high { high += 0.001 }
      return (0..<dimension / 2).map { min(max((Double($0) - low) / (high - low), 0), 1) }
    }

    /// What cosine and sine are multiplied by where the configuration does not say.
    ///
    /// - Parameters:
    ///   - scale, allScale: `mscale` and `mscale_all_dim`, which count together only, and unless zero.
    static func attentionFactor(_ factor: Double, scale: Double?, allScale: Double?) -> Double {
      func scaled(_ by: Double) -> Double { factor <= 1 ? 1 : 0.1 * by * log(factor) + 1 }
      guard let scale, let allScale, scale != 0, allScale != 0 else { return scaled(1) }
      return scaled(scale) / scaled(allScale)
    }
  }

  /// LongRoPE (arXiv 2402.13753): each pair's frequency divided by a number of its own, of which there are two sets.
  public struct LongRope: Sendable, Equatable {
    /// For texts within the original context.
    public var short: [Double]
    /// For longer ones.
    public var long: [Double]
    public var originalContext: Double

    public init(short: [Double], long: [Double], originalContext: Double) {
      self.short = short
      self.long = long
      self.originalContext = originalContext
    }

    /// What cosine and sine are multiplied by where the configuration does not say.
    static func attentionFactor(_ factor: Double, originalContext: Double) -> Double {
      factor <= 1 ? 1 : (1 + log(factor) / log(originalContext)).squareRoot()
    }
  }

  /// Angles a position for each of the `dimension / 2` pairs of a text of `length` tokens.
  static func frequencies(theta: Double, dimension: Int, _ scaling: Scaling, length: Int) -> [Double] {
    func plain(_ theta: Double) -> [Double] {
      (0..<dimension / 2).map { pow(theta, -2 * Double($0) / Double(dimension)) }
    }
    switch scaling {
    case .none: return plain(theta)
    case .linear(let factor): return plain(theta).map { $0 / factor }
    case .dynamic(let factor, let context):
      let stretch = factor * max(Double(length), context) / context - (factor - 1)
      return plain(theta * pow(stretch, Double(dimension) / Double(dimension - 2)))
    case .llama3(let factor, let low, let high, let context):
      return plain(theta).map { frequency in
        let wavelength = 2 * Double.pi / frequency
        if wavelength < context / high { return frequency }
        if wavelength > context / low { return frequency / factor }
        let smooth = (context / wavelength - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
      }
    case .yarn(let yarn):
      return zip(plain(theta), yarn.ramp(theta: theta, dimension: dimension)).map { frequency, share in
        frequency / yarn.factor * share + frequency * (1 - share)
      }
    case .longRope(let tables):
      let divisors = Double(length) > tables.originalContext ? tables.long : tables.short
      return zip(plain(theta), divisors).map { $0 / $1 }
    case .proportional(let factor, let share):
      let turning = Int(share * Double(dimension) / 2)
      return plain(theta).enumerated().map { $0 < turning ? $1 / factor : 0 }
    }
  }
}
