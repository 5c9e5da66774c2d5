import HybridizeCore

/// A checkpoint in HDF5: one file or several, in any layout of `HDF5Layout`, with tensors under Hugging Face's names
/// where the layout has a map to them.
public final class HDF5Reader: TensorReader {
  public let path: String
  public let tensors: [TensorDescriptor]
  public let metadata: [(key: String, value: String)]
  public let warnings: [String]
  private let sources: [HDF5File]
  private let entries: [HDF5Tensor]
  private let positions: [UTF8Key: Int]

  /// - Parameters:
  ///   - sources: the opened files.
  ///   - entries: in any order, files by their positions in `sources`.
  ///   - warnings: about the index of the files.
  /// - Throws: `.duplicateName`.
  init(
    givenAs path: String, sources: [HDF5File], entries: [HDF5Tensor], metadata: [(key: String, value: String)],
    warnings: [String] = []
  ) throws(HybridizeError) {
    self.path = path
    self.warnings = warnings
    self.sources = sources
    self.metadata = metadata
    self.entries = entries.enumerated().sorted { a, b in
      (a.element.file, a.element.place, a.offset) < (b.element.file, b.element.place, b.offset)
    }.map(\.element)
    tensors = self.entries.map(\.descriptor)
    var positions: [UTF8Key: Int] = [:]
    for (index, tensor) in tensors.enumerated() {
      guard positions.updateValue(index, forKey: UTF8Key(tensor.name)) == nil else {
        throw HybridizeError(.duplicateName, file: sources[self.entries[index].file].source.path, tensor: tensor.name)
      }
    }
    self.positions = positions
  }

  public var formatName: String { HDF5Format.name }
  public var files: [String] { sources.map(\.source.path) }

  public func descriptor(named name: String) -> TensorDescriptor? { positions[UTF8Key(name)].map { tensors[$0] } }

  public func file(of name: String) -> String? {
    positions[UTF8Key(name)].map { sources[entries[$0].file].source.path }
  }

  /// Mapped where the file has the bytes as they are asked for; otherwise put together in memory.
  public func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard let (entry, source) = find(name) else { throw missing(name) }
    do throws(HybridizeError) {
      let data = HDF5TensorData(entry, in: source)
      if let view = try data.view() {
        return stored(entry.descriptor, view.bytes, view.owner)
      }
      let limit = source.limits.tensorBytes
      guard entry.descriptor.byteCount <= limit else {
        throw HybridizeError(
          .hdf5TensorTooLarge, expected: "at most \(NumberText.grouped(limit)) bytes",
          found: "\(NumberText.grouped(entry.descriptor.byteCount)) bytes")
      }
      let memory = OwnedBytes(count: entry.descriptor.byteCount)
      try data.read(0..<entry.descriptor.byteCount, into: memory.bytes)
      return stored(entry.descriptor, UnsafeRawBufferPointer(memory.bytes), memory)
    } catch {
      throw error.inFile(source.source.path).inTensor(name)
    }
  }

  public func read(
    _ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    precondition(buffer.count == range.count, "the buffer has \(buffer.count) bytes for \(range.count)")
    guard let (entry, source) = find(name) else { throw missing(name) }
    try entry.descriptor.check(range, in: source.source.path)
    do {
      try HDF5TensorData(entry, in: source).read(range, into: buffer)
    } catch {
      throw error.inFile(source.source.path).inTensor(name)
    }
  }

  private func find(_ name: String) -> (HDF5Tensor, HDF5File)? {
    positions[UTF8Key(name)].map { (entries[$0], sources[entries[$0].file]) }
  }

  private func stored(_ tensor: TensorDescriptor, _ bytes: UnsafeRawBufferPointer, _ owner: AnyObject) -> StoredTensor {
    StoredTensor(
      name: tensor.name, elementType: tensor.elementType, shape: tensor.shape, bytes: bytes, owner: owner)
  }
}

extension HDF5Tensor {
  /// Where its data begins in the file; first what has none.
  fileprivate var place: Int { parts[0].extents.first?.lowerBound ?? 0 }
}
