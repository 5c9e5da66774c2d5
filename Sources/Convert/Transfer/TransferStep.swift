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

  init(_ target: TensorDescriptor, _ origin: Origin) {
    self.target = target
    self.origin = origin
  }

  /// The source tensor that this step uses up, if any.
  var sourceName: String? {
    switch origin {
    case .copy(let name, .source), .repeatHeads(let name, _, _): name
    case .copy(_, .mixers), .values: nil
    }
  }
}

/// How a layer's softmax attention becomes another mixer. One implementation a mixer, listed in
/// `TransferRegistry`.
public protocol TransferRule: Sendable {
  /// The tensors of the layer's new mixer.
  ///
  /// - Throws: `.missingTensor`.
  func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep]
}

/// What a transfer rule has to work with.
public struct TransferContext: Sendable {
  public let source: ModelDirectory
  public let plan: Plan

  /// The descriptor of a source tensor.
  ///
  /// - Throws: `.missingTensor`.
  func descriptor(_ name: String) throws(HybridizeError) -> TensorDescriptor {
    guard let found = source.reader.descriptor(named: name) else {
      throw HybridizeError(.missingTensor, file: source.reader.path, tensor: name)
    }
    return found
  }
}

/// The rules by mixer. A new mixer's rule is its file and a line here.
enum TransferRegistry {
  /// - Throws: `.noTransferRule`.
  static func rule(for mixer: any MixerSpecification) throws(HybridizeError) -> any TransferRule {
    switch mixer {
    case let options as GatedDeltaNetOptions: return GatedDeltaNetTransfer(options: options)
    default: throw HybridizeError(.noTransferRule, found: type(of: mixer).name)
    }
  }
}

extension Problem {
  public static let noTransferRule = Problem(
    "noTransferRule", .argument, "softmax attention cannot be converted into this mixer")
}
