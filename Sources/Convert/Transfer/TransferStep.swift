import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// How one tensor of the converted model comes to be.
public struct TransferStep: Sendable {
  public enum Origin: Sendable {
    /// The bytes of a tensor, of the source or of the model that mixers are taken from.
    case copy(String, from: Donor)
    /// Blocks of rows, one a head, each repeated `times` times in a row: the expansion of grouped heads.
    case repeatHeads(String, rows: Int, times: Int)
    /// New values, made when they are written.
    case values(@Sendable () -> [Double])
  }

  public enum Donor: Sendable, Equatable {
    case source
    case mixers
  }

  public let target: TensorDescriptor
  public let origin: Origin

  public init(_ target: TensorDescriptor, _ origin: Origin) {
    self.target = target
    self.origin = origin
  }

  /// The same tensor in another type, if it is one of floating-point numbers that can be rounded.
  ///
  /// - Throws: `.sizeOverflow`.
  func rounded(to type: ElementType) throws(HybridizeError) -> TransferStep {
    guard ElementCast.sources.contains(target.elementType) else { return self }
    return TransferStep(try TensorDescriptor(name: target.name, elementType: type, shape: target.shape), origin)
  }

  /// The source tensor that this step uses up, if any.
  var sourceName: String? {
    switch origin {
    case .copy(let name, .source), .repeatHeads(let name, _, _): name
    case .copy(_, .mixers), .values: nil
    }
  }
}
