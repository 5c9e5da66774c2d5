import HybridizeCompute
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Rotary position embedding: the angles by which pairs of channels turn with the position (Su et al. 2021).
public struct RotaryEmbedding: Sendable, Equatable {
  public let theta: Double
  public let scaling: Scaling
  /// Angle a position, for each of the `headDimension / 2` pairs.
  public let inverseFrequencies: [Double]

  /// How frequencies are changed for contexts longer than those of pretraining.
  public enum Scaling: Sendable, Equatable {
    case none
    /// Positions divided by a factor.
    case linear(factor: Double)
    /// Llama 3.1: long wavelengths divided by the factor, short ones kept, a smooth passage between.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Double)
  }

  public init(theta: Double, headDimension: Int, scaling: Scaling = .none) {
    self.theta = theta
    self.scaling = scaling
    inverseFrequencies = (0..<headDimension / 2).map { pair in
      Self.scale(pow(theta, -2 * Double(pair) / Double(headDimension)), scaling)
    }
  }

  private static func scale(_ frequency: Double, _ scaling: Scaling) -> Double {
    switch scaling {
    case .none: return frequency
    case .linear(let factor): return frequency / factor
    case .llama3(let factor, let low, let high, let context):
      let wavelength = 2 * Double.pi / frequency
      if wavelength < context / high { return frequency }
      if wavelength > context / low { return frequency / factor }
      let smooth = (context / wavelength - low) / (high - low)
      return (1 - smooth) * frequency / factor + smooth * frequency
    }
  }

  /// Cosine and sine of the angles of the tokens of `sequences`, each `[tokens, headDimension / 2]`, taken from
  /// `workspace`.
  package func angles(_ sequences: [SequenceRows], backend: any Backend, workspace: Workspace) -> RotaryAngles {
    let positions = sequences.flatMap { $0.position..<$0.position + $0.rows.count }
    let pairs = inverseFrequencies.count
    var cosine: [Double] = []
    var sine: [Double] = []
    cosine.reserveCapacity(positions.count * pairs)
    sine.reserveCapacity(positions.count * pairs)
    for position in positions {
      for frequency in inverseFrequencies {
        let angle = Double(position) * frequency
        cosine.append(cos(angle))
        sine.append(sin(angle))
      }
    }
    let angles = RotaryAngles(
      cosine: workspace.tensor(rows: positions.count, columns: pairs),
      sine: workspace.tensor(rows: positions.count, columns: pairs))
    backend.write(cosine, to: angles.cosine)
    backend.write(sine, to: angles.sine)
    return angles
  }
}

/// Cosine and sine for the tokens of one call, each `[tokens, headDimension / 2]`.
package struct RotaryAngles {
  package let cosine: Tensor
  package let sine: Tensor
}

extension RotaryEmbedding {
  /// Reads `rope_theta` and `rope_scaling`, or `rope_parameters` as newer writers have it.
  ///
  /// - Throws: `.wrongField` for a kind of scaling that is not computed here.
  init(_ fields: inout FieldReader, headDimension: Int) throws(HybridizeError) {
    let newer = try fields.optionalObject("rope_parameters")
    let older = try fields.optionalObject("rope_scaling")
    let outerTheta = try fields.optionalDouble("rope_theta", in: 1...1e12)
    if let newer, let older, newer != older {
      throw fields.wrong("rope_scaling", "nothing else than rope_parameters")
    }
    guard let parameters = newer ?? older else {
      self.init(theta: outerTheta ?? 10_000, headDimension: headDimension)
      return
    }
    var inner = FieldReader(parameters)
    let theta = try inner.optionalDouble("rope_theta", in: 1...1e12) ?? outerTheta ?? 10_000
    let formerKind = try inner.optionalString("type")
    let kind = try inner.optionalString("rope_type") ?? formerKind ?? "default"
    let scaling: Scaling
    switch kind {
    case "default": scaling = .none
    case "linear": scaling = .linear(factor: try inner.double("factor", in: 1...1e6))
    case "llama3":
      let low = try inner.double("low_freq_factor", in: 1e-6...1e6)
      let high = try inner.double("high_freq_factor", in: 1e-6...1e6)
      guard high > low else { throw inner.wrong("high_freq_factor", "more than low_freq_factor") }
      scaling = .llama3(
        factor: try inner.double("factor", in: 1...1e6), lowFrequencyFactor: low, highFrequencyFactor: high,
        originalContext: try inner.double("original_max_position_embeddings", in: 1...1e9))
    default: throw inner.wrong("rope_type", "default, linear or llama3")
    }
    try inner.finish()
    self.init(theta: theta, headDimension: headDimension, scaling: scaling)
  }
}
