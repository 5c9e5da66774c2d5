import HybridizeCompute
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Rotary position embedding: the angles by which pairs of channels turn with the position (Su et al. 2021).
///
/// With some kinds of scaling the angles depend on how long the text is. That is the length that a decoding state was made
/// for, or that of a sequence in training: the same for all its tokens, so that prefill, decode and recurrent states agree.
/// transformers' forward pass of a whole text gives the same; its cached decoding changes the angles with each token, and
/// leaves keys in the cache as they were.
public struct RotaryEmbedding: Sendable, Equatable {
  public let theta: Double
  /// Channels of a head that turn, the first ones.
  public let dimension: Int
  public let scaling: Scaling
  /// What cosine and sine are multiplied by.
  public let attentionFactor: Double
  /// Angle a position, for each of the `dimension / 2` pairs, in a text within the context of pretraining.
  public let inverseFrequencies: [Double]

  /// - Parameters:
  ///   - headDimension: even, more than 2 for dynamic scaling.
  ///   - rotated: the channels of a head that turn, an even number; all unless given.
  public init(
    theta: Double, headDimension: Int, rotated: Int? = nil, scaling: Scaling = .none, attentionFactor: Double = 1
  ) {
    self.theta = theta
    self.scaling = scaling
    self.attentionFactor = attentionFactor
    dimension = rotated ?? headDimension
    inverseFrequencies = Self.frequencies(theta: theta, dimension: dimension, scaling, length: 0)
  }

  /// Angle a position, for each pair, in a text of `length` tokens.
  public func inverseFrequencies(length: Int) -> [Double] {
    switch scaling {
    case .dynamic(_, let context) where Double(length) > context: break
    case .longRope(let tables) where Double(length) > tables.originalContext: break
    default: return inverseFrequencies
    }
    return Self.frequencies(theta: theta, dimension: dimension, scaling, length: length)
  }

  /// Whether texts of these lengths have the same angles.
  func turnsAlike(_ length: Int, _ other: Int) -> Bool {
    inverseFrequencies(length: length) == inverseFrequencies(length: other)
  }

  /// Cosine and sine of the angles of the tokens of `sequences`, each `[tokens, dimension / 2]`, taken from `workspace`.
  package func angles(_ sequences: [SequenceRows], backend: any Backend, workspace: Workspace) -> RotaryAngles {
    let count = sequences.reduce(0) { $0 + $1.rows.count }
    let pairs = inverseFrequencies.count
    var cosine: [Double] = []
    var sine: [Double] = []
    cosine.reserveCapacity(count * pairs)
    sine.reserveCapacity(count * pairs)
    for sequence in sequences {
      let frequencies = inverseFrequencies(length: sequence.length)
      for position in sequence.position..<sequence.position + sequence.rows.count {
        for frequency in frequencies {
          let angle = Double(position) * frequency
          cosine.append(attentionFactor * cos(angle))
          sine.append(attentionFactor * sin(angle))
        }
      }
    }
    let angles = RotaryAngles(
      cosine: workspace.tensor(rows: count, columns: pairs), sine: workspace.tensor(rows: count, columns: pairs))
    backend.write(cosine, to: angles.cosine)
    backend.write(sine, to: angles.sine)
    return angles
  }
}

/// Cosine and sine for the tokens of one call, each `[tokens, pairs of channels that turn]`.
package struct RotaryAngles {
  package let cosine: Tensor
  package let sine: Tensor
}
