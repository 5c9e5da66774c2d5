import HybridizeCore

/// Writes one safetensors file compressed with zstd, in frames with a seek table. The file appears when it is complete.
///
/// The same tensors and the same level give the same bytes, whatever the number of threads and however the tensors
/// were cut into pieces. Unless it is shuffled, `zstd -d` makes exactly the file that `SafetensorsWriter` writes.
public final class ZstdSafetensorsWriter: TensorWriter {
  private let file: AtomicFile
  private let frames: ZstdFrameWriter
  private var order: WritingOrder

  /// - Parameters:
  ///   - path: where the file will be.
  ///   - tensors: all tensors of the file, in any order; `self.tensors` has the order of writing.
  ///   - metadata: the `__metadata__`; PyTorch's tools expect `format` to be `pt`.
  ///   - options: level, threads and shuffle.
  ///   - replacing: replace a file that is there.
  /// - Throws: as `SafetensorsLayout` and `AtomicFile`; `.tooManyFramesToWrite` above two terabytes.
  public init(
    _ path: String, tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    options: ZstdOptions = ZstdOptions(), replacing: Bool = false
  ) throws(HybridizeError) {
    let layout = try SafetensorsLayout(tensors, metadata: metadata)
    let start = options.isShuffled ? ZstdShuffle.mark + layout.header : layout.header
    let plan = ZstdFramePlan(headerBytes: start.count, tensors: layout.tensors)
    try plan.checkCount(fileSize: layout.fileSize)
    file = try AtomicFile(path, replacing: replacing)
    order = WritingOrder(layout.tensors)
    frames = ZstdFrameWriter(file, plan, options)
    if options.isShuffled { try frames.writeSkippable(ZstdShuffle.frame) }
    try start.withBytes(frames.append)
  }

  public var tensors: [TensorDescriptor] { order.tensors }

  public func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError) {
    try order.take(bytes.count, of: name, file: file.path)
    try frames.append(bytes)
  }

  public func finish() throws(HybridizeError) -> [WrittenFile] {
    try order.checkComplete(file: file.path)
    try frames.finish()
    return [try file.commit()]
  }
}
