import HybridizeCore
import HybridizeFormats
import Testing

/// What every `TensorReader` must do, whatever its format. Reads all of every tensor.
public func checkTensorReader(_ reader: any TensorReader, sourceLocation: SourceLocation = #_sourceLocation) throws {
  #expect(!reader.formatName.isEmpty, sourceLocation: sourceLocation)
  #expect(!reader.files.isEmpty, sourceLocation: sourceLocation)
  for file in reader.files { #expect(FileSystem.kind(file) == .file, sourceLocation: sourceLocation) }
  let names = reader.tensors.map { UTF8Key($0.name) }
  #expect(Set(names).count == names.count, "names differ", sourceLocation: sourceLocation)
  for tensor in reader.tensors {
    checkDescriptor(tensor, of: reader, sourceLocation)
    try checkBytes(tensor, of: reader, sourceLocation)
    checkRanges(tensor, of: reader, sourceLocation)
  }
  checkMissing(reader, sourceLocation)
}

private func checkDescriptor(
  _ tensor: TensorDescriptor, of reader: any TensorReader, _ sourceLocation: SourceLocation
) {
  #expect(reader.descriptor(named: tensor.name) == tensor, sourceLocation: sourceLocation)
  #expect(
    (try? tensor.elementType.byteCount(elements: tensor.shape.elementCount())) == tensor.byteCount,
    sourceLocation: sourceLocation)
  let file = reader.file(of: tensor.name)
  #expect(file.map { reader.files.contains($0) } == true, sourceLocation: sourceLocation)
}

/// The mapped bytes and the read ones are the same, read at once and in pieces.
private func checkBytes(
  _ tensor: TensorDescriptor, of reader: any TensorReader, _ sourceLocation: SourceLocation
) throws {
  let stored = try reader.tensor(named: tensor.name)
  defer { withExtendedLifetime(stored) {} }
  #expect(UTF8Key(stored.name) == UTF8Key(tensor.name), sourceLocation: sourceLocation)
  #expect(stored.elementType == tensor.elementType, sourceLocation: sourceLocation)
  #expect(stored.shape == tensor.shape, sourceLocation: sourceLocation)
  #expect(stored.bytes.count == tensor.byteCount, sourceLocation: sourceLocation)
  #expect(
    try read(tensor, 0..<tensor.byteCount, of: reader).elementsEqual(stored.bytes), sourceLocation: sourceLocation)
  let third = tensor.byteCount / 3
  var pieces: [UInt8] = []
  for range in [0..<third, third..<2 * third, 2 * third..<tensor.byteCount] {
    pieces += try read(tensor, range, of: reader)
  }
  #expect(pieces.elementsEqual(stored.bytes), sourceLocation: sourceLocation)
}

private func checkRanges(_ tensor: TensorDescriptor, of reader: any TensorReader, _ sourceLocation: SourceLocation) {
  let end = tensor.byteCount
  for range in [0..<end + 1, end..<end + 1, -1..<0, end + 10..<end + 11] {
    expectProblem(.rangeOutsideTensor, "\(range)", sourceLocation: sourceLocation) {
      try read(tensor, range, of: reader)
    }
  }
}

private func checkMissing(_ reader: any TensorReader, _ sourceLocation: SourceLocation) {
  var name = "no such tensor"
  while reader.descriptor(named: name) != nil { name += "!" }
  #expect(reader.file(of: name) == nil, sourceLocation: sourceLocation)
  let error = expectProblem(.missingTensor, sourceLocation: sourceLocation) { try reader.tensor(named: name) }
  #expect(error?.tensor == name, sourceLocation: sourceLocation)
  expectProblem(.missingTensor, sourceLocation: sourceLocation) {
    try reader.read(name, range: 0..<0, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
  }
}

private func read(_ tensor: TensorDescriptor, _ range: Range<Int>, of reader: any TensorReader) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0xA5, count: range.count)
  try bytes.withUnsafeMutableBytes { try reader.read(tensor.name, range: range, into: $0) }
  return bytes
}
