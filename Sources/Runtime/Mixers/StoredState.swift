import HybridizeCompute
import HybridizeCore

/// What a mixer's state was stored as, by name.
public struct StoredState {
  private let tensors: [String: StoredTensor]
  /// Before the names in the file.
  private let prefix: String

  package init(_ tensors: [String: StoredTensor], prefix: String) {
    self.tensors = tensors
    self.prefix = prefix
  }

  /// - Throws: `.wrongState` where there is no such tensor of that type and shape.
  public func tensor(
    _ name: String, _ type: ElementType, _ shape: Shape
  ) throws(HybridizeError) -> StoredTensor {
    guard let found = tensors[name], found.elementType == type, found.shape == shape else {
      throw HybridizeError(
        .wrongState, tensor: prefix + name, expected: "\(type.rawValue) \(shape)",
        found: tensors[name].map { "\($0.elementType.rawValue) \($0.shape)" } ?? "no such tensor")
    }
    return found
  }
}

extension StateMemory {
  /// What `Backend.stored` makes of a cache.
  var cacheElementType: ElementType {
    cacheType == .bfloat16 && backend.activationType == .float32 ? .bfloat16 : backend.activationType
  }

  /// Reads a tensor of a stored state back into its place.
  ///
  /// - Throws: `.wrongState`.
  public func restore(_ name: String, of state: StoredState, to tensor: Tensor) throws(HybridizeError) {
    backend.restore(
      try state.tensor(name, backend.activationType, [tensor.rows, tensor.columns]), to: tensor)
  }

  /// The same for the first `rows` rows of a cache.
  ///
  /// - Throws: `.wrongState`.
  public func restore(
    _ name: String, of state: StoredState, to cache: CacheTensor, rows: Int
  ) throws(HybridizeError) {
    backend.restore(try state.tensor(name, cacheElementType, [cache.heads, rows, cache.headDimension]), to: cache)
  }
}

extension Problem {
  public static let wrongState = Problem(
    "wrongState", .inputFile, "the file does not hold a state of this model")
}
