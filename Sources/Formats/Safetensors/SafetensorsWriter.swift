import HybridizeCore

/// Writes one safetensors file: the header first, then each tensor in pieces. The file appears when it is complete.
public final class SafetensorsWriter: TensorWriter {
  private let file: AtomicFile
  private var order: WritingOrder

  /// - Parameters:
  ///   - path: where the file will be.
  ///   - tensors: all tensors of the file, in any order; `self.tensors` has the order of writing.
  ///   - metadata: the `__metadata__`; PyTorch's tools expect `format` to be `pt`.
  ///   - alignment: as for `SafetensorsLayout`.
  ///   - replacing: replace a file that is there.
  /// - Throws: as `SafetensorsLayout` and `AtomicFile`.
  public init(
    _ path: String, tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    alignment: Int = 8, replacing: Bool = false
  ) throws(HybridizeError) {
    let layout = try SafetensorsLayout(tensors, metadata: metadata, alignment: alignment)
    file = try AtomicFile(path, replacing: replacing)
    order = WritingOrder(layout.tensors)
    try layout.header.withBytes(file.write)
  }

  public var tensors: [TensorDescriptor] { order.tensors }

  /// True when every tensor has all its bytes.
  var isComplete: Bool { order.due == nil }

  public func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError) {
    try order.take(bytes.count, of: name, file: file.path)
    try file.write(bytes)
  }

  public func finish() throws(HybridizeError) -> [WrittenFile] {
    try order.checkComplete(file: file.path)
    return [try file.commit()]
  }
}
