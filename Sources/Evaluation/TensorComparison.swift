import HybridizeCore
import HybridizeFormats

/// Which tensors two checkpoints share bit for bit.
public struct TensorComparison: Sendable, Equatable {
  public enum Status: String, Sendable {
    /// Same type, shape and bytes.
    case equal
    /// In both, and different.
    case changed
    /// Only in the second.
    case added
    /// Only in the first.
    case removed
  }

  /// Every tensor of either, in the order of the first checkpoint, then those that only the second has.
  public let tensors: [(name: String, status: Status)]

  public func count(_ status: Status) -> Int { tensors.count { $0.status == status } }

  /// - Throws: reading errors.
  public init(_ first: any TensorReader, _ second: any TensorReader) throws(HybridizeError) {
    var tensors: [(name: String, status: Status)] = []
    for tensor in first.tensors {
      guard let other = second.descriptor(named: tensor.name) else {
        tensors.append((tensor.name, .removed))
        continue
      }
      let sameKind = tensor.elementType == other.elementType && tensor.shape == other.shape
      guard sameKind else {
        tensors.append((tensor.name, .changed))
        continue
      }
      let isEqual = try first.tensor(named: tensor.name).hasSameContent(as: second.tensor(named: tensor.name))
      tensors.append((tensor.name, isEqual ? .equal : .changed))
    }
    for tensor in second.tensors where first.descriptor(named: tensor.name) == nil {
      tensors.append((tensor.name, .added))
    }
    self.tensors = tensors
  }

  public static func == (a: TensorComparison, b: TensorComparison) -> Bool {
    a.tensors.elementsEqual(b.tensors) { UTF8Key($0.name) == UTF8Key($1.name) && $0.status == $1.status }
  }
}
