import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// Makes the bytes of converted tensors: copied, repeated, rounded or new, a piece at a time.
struct TensorProduction {
  let source: any TensorReader
  /// The model that mixers are taken from.
  let donor: (any TensorReader)?

  /// Bytes that are held at a time.
  static let pieceBytes = 8 << 20

  /// What has been made.
  struct Product: Sendable, Equatable {
    /// SHA-256 of the bytes.
    var sha256: String
    /// SHA-256 of the source tensor's bytes, where they are others; `nil` also for new values.
    var sourceSHA256: String?
    var loss = ElementCast.Loss()
  }

  /// Makes all bytes of a step's tensor and hands them to `sink`, in order.
  ///
  /// - Throws: reading errors, `.castUnsupported`, `.notAFloatingType`, and what `sink` throws.
  func make(
    _ step: TransferStep, sink: (UnsafeRawBufferPointer) throws(HybridizeError) -> Void
  ) throws(HybridizeError) -> Product {
    let output = SHA256()
    func give(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
      output.update(bytes)
      try sink(bytes)
    }
    switch step.origin {
    case .values(let make):
      let bytes: [UInt8]
      do throws(HybridizeError) { bytes = try step.target.elementType.encode(make()) } catch {
        throw error.inTensor(step.target.name)
      }
      try bytes.withBytes(give)
      return Product(sha256: output.finish())
    case .copy(let name, let from):
      let reader = from == .mixers ? donor ?? source : source
      guard let tensor = reader.descriptor(named: name) else { throw reader.missing(name) }
      return try copy(tensor, reader, to: step.target, blockBytes: nil, times: 1, output, give)
    case .repeatHeads(let name, let rows, let times):
      guard let tensor = source.descriptor(named: name), let height = tensor.shape.dimensions.first, height > 0 else {
        throw source.missing(name)
      }
      return try copy(
        tensor, source, to: step.target, blockBytes: tensor.byteCount / height * rows, times: times, output, give)
    }
  }

  /// - Parameter blockBytes: the size of blocks that are each given `times` times; `nil` for pieces of any size.
  private func copy(
    _ tensor: TensorDescriptor, _ reader: any TensorReader, to target: TensorDescriptor, blockBytes: Int?, times: Int,
    _ output: SHA256, _ give: (UnsafeRawBufferPointer) throws(HybridizeError) -> Void
  ) throws(HybridizeError) -> Product {
    let isCast = tensor.elementType != target.elementType
    let cast = isCast ? try castOf(tensor, target) : nil
    let input = isCast || times > 1 ? SHA256() : nil
    let size = blockBytes ?? Self.pieceBytes
    let piece = OwnedBytes(count: min(size, tensor.byteCount))
    let rounded = OwnedBytes(
      count: isCast
        ? piece.bytes.count * 8 / tensor.elementType.bitsPerElement * target.elementType.bitsPerElement / 8 : 0)
    var loss = ElementCast.Loss()
    for start in stride(from: 0, to: tensor.byteCount, by: max(size, 1)) {
      let range = start..<min(start + size, tensor.byteCount)
      let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(range.count))
      try reader.read(tensor.name, range: range, into: part)
      input?.update(UnsafeRawBufferPointer(part))
      var bytes = UnsafeRawBufferPointer(part)
      if let cast {
        let elements = range.count * 8 / tensor.elementType.bitsPerElement
        let result = UnsafeMutableRawBufferPointer(
          rebasing: rounded.bytes.prefix(elements * target.elementType.bitsPerElement / 8))
        loss += cast.run(bytes, into: result)
        bytes = UnsafeRawBufferPointer(result)
      }
      for _ in 0..<times { try give(bytes) }
    }
    return Product(sha256: output.finish(), sourceSHA256: input?.finish(), loss: loss)
  }

  private func castOf(
    _ tensor: TensorDescriptor, _ target: TensorDescriptor
  ) throws(HybridizeError) -> ElementCast {
    do { return try ElementCast(from: tensor.elementType, to: target.elementType) } catch {
      throw error.inTensor(tensor.name)
    }
  }
}
