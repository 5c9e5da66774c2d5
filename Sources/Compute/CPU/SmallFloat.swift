import HybridizeCore

/// The layout of a floating-point type of at most eight bits: sign, exponent, mantissa from the top.
struct SmallFloat: Sendable {
  /// What the largest exponent stands for.
  enum Specials: Sendable {
    /// Infinities and NaN, as in IEEE types.
    case infinities
    /// NaN where exponent and mantissa are all ones, numbers elsewhere (the OCP "FN" types).
    case oneNaN
    /// Numbers; the pattern of minus zero is NaN (the "FNUZ" types).
    case negativeZeroIsNaN
    /// Numbers.
    case none
  }

  let exponentBits: Int
  let mantissaBits: Int
  let bias: Int
  let specials: Specials

  init?(_ type: ElementType) {
    switch type {
    case .float8E5M2: self.init(exponentBits: 5, mantissaBits: 2, bias: 15, specials: .infinities)
    case .float8E4M3: self.init(exponentBits: 4, mantissaBits: 3, bias: 7, specials: .oneNaN)
    case .float8E5M2FNUZ: self.init(exponentBits: 5, mantissaBits: 2, bias: 16, specials: .negativeZeroIsNaN)
    case .float8E4M3FNUZ: self.init(exponentBits: 4, mantissaBits: 3, bias: 8, specials: .negativeZeroIsNaN)
    case .float4: self.init(exponentBits: 2, mantissaBits: 1, bias: 1, specials: .none)
    default: return nil
    }
  }

  private init(exponentBits: Int, mantissaBits: Int, bias: Int, specials: Specials) {
    self.exponentBits = exponentBits
    self.mantissaBits = mantissaBits
    self.bias = bias
    self.specials = specials
  }

  /// The value of every bit pattern.
  var table: [Float] { (0..<1 << (1 + exponentBits + mantissaBits)).map(value) }

  private func value(_ bits: Int) -> Float {
    let mantissa = bits & ((1 << mantissaBits) - 1)
    let exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1)
    let isNegative = bits >> (mantissaBits + exponentBits) == 1
    let isTop = exponent == (1 << exponentBits) - 1
    switch specials {
    case .infinities where isTop: return mantissa == 0 ? (isNegative ? -.infinity : .infinity) : .nan
    case .oneNaN where isTop && mantissa == (1 << mantissaBits) - 1: return .nan
    case .negativeZeroIsNaN where isNegative && exponent == 0 && mantissa == 0: return .nan
    default: break
    }
    let fraction = Float(mantissa) / Float(1 << mantissaBits)
    let size =
      exponent == 0
      ? fraction * Float(sign: .plus, exponent: 1 - bias, significand: 1)
      : (1 + fraction) * Float(sign: .plus, exponent: exponent - bias, significand: 1)
    return isNegative ? -size : size
  }
}
