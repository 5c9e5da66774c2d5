/// A backend need not know how to measure.
extension Backend {
  public func begin(_ part: ModelPart) {}
  public func pinThreads() -> [Int]? { nil }
  public func unpinThreads() {}
  public func measureLimits() -> MachineLimits? { nil }
  public func readBandwidth(of weights: [Weight]) -> Double? { nil }
}

/// A part of a model, with the norm before it and the addition after it.
public enum ModelPart: Sendable, Hashable {
  /// The embedding and what is prepared for all layers.
  case embedding
  case mixer(layer: Int)
  case feedForward(layer: Int)
  /// The final norm and the head.
  case head
}

/// What a machine can do at most.
public struct MachineLimits: Sendable, Equatable {
  /// Bytes a second that all threads together read from memory, beyond every cache.
  public let memoryBandwidth: Double
  /// Multiplications and additions a second of large float32 matrix products.
  public let matrixProduct: Double

  public init(memoryBandwidth: Double, matrixProduct: Double) {
    self.memoryBandwidth = memoryBandwidth
    self.matrixProduct = matrixProduct
  }
}
