import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Conversion {
  /// Bytes of tensors in one file, at most; what Hugging Face's hub library takes.
  static let shardBytes = 5_000_000_000
  /// Bytes that are held at a time while tensors are copied.
  static let pieceBytes = 8 << 20

  /// Carries the conversion out: weights, configuration, companions, card, manifest. The directory appears when all
  /// of it is on disk, or not at all.
  ///
  /// - Throws: `.outputExists`, `.cannotWrite`, reading errors, `.notAFloatingType`.
  public func write(to path: String, progress: Progress = .silent) throws(HybridizeError) -> Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    let directory = try AtomicDirectory(path)
    var files = try writeTensors(into: directory, progress)
    files.append(try directory.write("config.json", configuration()))
    for name in ModelDirectory.companionFiles where FileSystem.exists(source.path + "/" + name) {
      files.append(try directory.copy(source.path + "/" + name, as: name))
    }
    files.append(try directory.write("README.md", Array(ModelCard.text(self).utf8)))
    let manifest = Manifest.json(
      self, sources: try Self.hash(source), donors: try donor.map(Self.hash) ?? [], files: files)
    files.append(try directory.write(Manifest.fileName, Array(JSONWriter.indented(.object(manifest)).utf8)))
    try directory.commit()
    return Outcome(
      path: path, files: files, seconds: (clock.now - start).inSeconds, peakBytes: Self.peakBytes)
  }

  private func writeTensors(
    into directory: AtomicDirectory, _ progress: Progress
  ) throws(HybridizeError) -> [WrittenFile] {
    let writer = try ShardedWriter(
      directory: directory.buildPath, tensors: accounting.steps.map(\.target), metadata: source.reader.metadata,
      maximumBytes: Self.shardBytes)
    let steps = Dictionary(uniqueKeysWithValues: accounting.steps.map { (UTF8Key($0.target.name), $0) })
    for (index, tensor) in writer.tensors.enumerated() {
      if let step = steps[UTF8Key(tensor.name)] { try write(step, to: writer) }
      progress.report("write", done: index + 1, of: writer.tensors.count)
    }
    return try writer.finish()
  }

  private func write(_ step: TransferStep, to writer: any TensorWriter) throws(HybridizeError) {
    let target = step.target
    switch step.origin {
    case .copy(let name, let from):
      let reader = from == .mixers ? donor?.reader ?? source.reader : source.reader
      try writer.copy(name, from: reader, as: target.name, pieceSize: Self.pieceBytes)
    case .repeatHeads(let name, let rows, let times):
      try repeatHeads(name, rows: rows, times: times, as: target, to: writer)
    case .values(let make):
      let bytes: [UInt8]
      do { bytes = try target.elementType.encode(make()) } catch { throw error.inTensor(target.name) }
      try append(bytes, target.name, writer)
    }
  }

  /// Writes each block of `rows` rows `times` times, one block in memory.
  private func repeatHeads(
    _ name: String, rows: Int, times: Int, as target: TensorDescriptor, to writer: any TensorWriter
  ) throws(HybridizeError) {
    guard let descriptor = source.reader.descriptor(named: name), let height = descriptor.shape.dimensions.first,
      height > 0
    else { throw HybridizeError(.missingTensor, file: source.reader.path, tensor: name) }
    let blockBytes = descriptor.byteCount / height * rows
    let block = OwnedBytes(count: blockBytes)
    for start in stride(from: 0, to: descriptor.byteCount, by: blockBytes) {
      try source.reader.read(name, range: start..<start + blockBytes, into: block.bytes)
      for _ in 0..<times { try writer.append(UnsafeRawBufferPointer(block.bytes), to: target.name) }
    }
  }

  private func append(_ bytes: [UInt8], _ name: String, _ writer: any TensorWriter) throws(HybridizeError) {
    var failure: HybridizeError?
    bytes.withUnsafeBytes { buffer in
      do throws(HybridizeError) { try writer.append(buffer, to: name) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Weights and configuration of a model with their digests.
  private static func hash(_ model: ModelDirectory) throws(HybridizeError) -> [WrittenFile] {
    var files: [WrittenFile] = []
    for path in model.reader.files + [model.path + "/config.json"] {
      files.append(
        WrittenFile(path: path, byteCount: try FileSystem.size(path), sha256: try SHA256.hash(file: path)))
    }
    return files
  }

  private static var peakBytes: Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Int(usage.ru_maxrss) * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss)
    #endif
  }
}
