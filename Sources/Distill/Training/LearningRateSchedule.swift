#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How learning rates go over the steps of a training: a line up to the whole rate, then a shape.
public struct LearningRateSchedule: Sendable, Equatable {
  public enum Shape: Sendable, Equatable {
    case constant
    /// Half a wave, from the whole rate to this share of it.
    case cosine(finalShare: Double)
    /// The whole rate until this share of the steps is left, then a line down to the final share of the rate ("wsd":
    /// warm up, stay, decay; Hu et al., "MiniCPM", 2024).
    case stableThenDecay(decayShare: Double, finalShare: Double)

    /// A line from the whole rate to this share of it (Defazio et al., "Optimal Linear Decay Learning Rate Schedules and
    /// Further Refinements", arXiv 2310.07831).
    public static func linear(finalShare: Double) -> Shape { .stableThenDecay(decayShare: 1, finalShare: finalShare) }

    /// The same way down, to another end.
    public func ending(at finalShare: Double) -> Shape {
      switch self {
      case .constant: .constant
      case .cosine: .cosine(finalShare: finalShare)
      case .stableThenDecay(let decayShare, _): .stableThenDecay(decayShare: decayShare, finalShare: finalShare)
      }
    }
  }

  public var shape: Shape
  public var warmUpSteps: Int

  public init(_ shape: Shape, warmUpSteps: Int = 0) {
    self.shape = shape
    self.warmUpSteps = warmUpSteps
  }

  /// What a step takes of the rate. The first step after the warm-up takes all of it; the final share would be that of the
  /// step after the last, so that none is wasted on a rate of zero.
  ///
  /// - Parameter step: from 0.
  /// - Precondition: the step is one of `steps`.
  public func share(step: Int, of steps: Int) -> Double {
    precondition((0..<steps).contains(step), "step \(step) of \(steps)")
    guard step >= warmUpSteps else { return Double(step + 1) / Double(warmUpSteps) }
    let place = Double(step - warmUpSteps) / Double(steps - warmUpSteps)
    switch shape {
    case .constant: return 1
    case .cosine(let finalShare): return finalShare + (1 - finalShare) * 0.5 * (1 + cos(.pi * place))
    case .stableThenDecay(let decayShare, let finalShare):
      let left = decayShare > 0 ? min(1, (1 - place) / decayShare) : 1
      return finalShare + (1 - finalShare) * left
    }
  }
}
