import HybridizeCore

/// A safetensors file, mapped. Opening it reads the header and nothing else.
public final class SafetensorsReader: TensorReader {
  public let path: String
  public let header: SafetensorsHeader
  private let file: HostFile
  private let map: FileMap

  /// - Parameters:
  ///   - file: the file to open.
  ///   - path: what the user gave, where that is not the file itself.
  ///   - strict: also refuse fields that the format does not know.
  /// - Throws: `.unreadable`, or what is wrong with the header (see `SafetensorsHeader`).
  public init(_ file: String, givenAs path: String? = nil, strict: Bool = false) throws(HybridizeError) {
    self.path = path ?? file
    self.file = try HostFile(file)
    header = try SafetensorsHeader(self.file, strict: strict)
    map = try FileMap(self.file)
  }

  public var formatName: String { SafetensorsFormat.name }
  public var tensors: [TensorDescriptor] { header.tensors }
  public var metadata: [(key: String, value: String)] { header.metadata }
  public var files: [String] { [file.path] }

  public func descriptor(named name: String) -> TensorDescriptor? { header.descriptor(named: name) }

  public func file(of name: String) -> String? {
    header.descriptor(named: name).map { _ in file.path }
  }

  public func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard let tensor = header.descriptor(named: name), let range = header.range(of: name) else { throw missing(name) }
    return StoredTensor(
      name: tensor.name, elementType: tensor.elementType, shape: tensor.shape,
      bytes: UnsafeRawBufferPointer(rebasing: map.bytes[range]), owner: map)
  }

  public func read(
    _ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    precondition(buffer.count == range.count, "the buffer has \(buffer.count) bytes for \(range.count)")
    guard let tensor = header.descriptor(named: name), let place = header.range(of: name) else { throw missing(name) }
    try tensor.check(range, in: file.path)
    do {
      try file.read(at: place.lowerBound + range.lowerBound, into: buffer)
    } catch {
      throw error.inTensor(name)
    }
  }
}
