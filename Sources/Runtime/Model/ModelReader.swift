import HybridizeCore
import HybridizeFormats

/// A checkpoint under its model's names: see `CheckpointNames`.
final class ModelReader: TensorReader {
  private let base: any TensorReader
  let tensors: [TensorDescriptor]
  /// By the model's name: the position in `tensors`, and the name in the checkpoint, which zeros have none of.
  private let places: [UTF8Key: (position: Int, stored: String?)]

  init(_ base: any TensorReader, _ names: CheckpointNames, hidden: Set<UTF8Key>) {
    var renamed: [UTF8Key: String] = [:]
    for item in names.renamed { renamed[UTF8Key(item.stored)] = item.name }
    var tensors: [TensorDescriptor] = []
    var places: [UTF8Key: (position: Int, stored: String?)] = [:]
    for tensor in base.tensors where !hidden.contains(UTF8Key(tensor.name)) {
      let shown = renamed[UTF8Key(tensor.name)].map(tensor.named) ?? tensor
      places[UTF8Key(shown.name)] = (tensors.count, tensor.name)
      tensors.append(shown)
    }
    for zero in names.zeros {
      places[UTF8Key(zero.name)] = (tensors.count, nil)
      tensors.append(zero)
    }
    self.base = base
    self.tensors = tensors
    self.places = places
  }

  var path: String { base.path }
  var formatName: String { base.formatName }
  var metadata: [(key: String, value: String)] { base.metadata }
  var files: [String] { base.files }
  var warnings: [String] { base.warnings }

  func descriptor(named name: String) -> TensorDescriptor? { places[UTF8Key(name)].map { tensors[$0.position] } }

  func file(of name: String) -> String? {
    places[UTF8Key(name)].flatMap { $0.stored.map(base.file) ?? base.files.first }
  }

  func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard let place = places[UTF8Key(name)] else { throw missing(name) }
    if let stored = place.stored { return try base.tensor(named: stored).named(name) }
    let tensor = tensors[place.position]
    let zeros = try OwnedBytes(claimed: tensor.byteCount)
    zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    return StoredTensor(
      name: name, elementType: tensor.elementType, shape: tensor.shape, bytes: UnsafeRawBufferPointer(zeros.bytes),
      owner: zeros)
  }

  func read(
    _ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    precondition(buffer.count == range.count, "the buffer has \(buffer.count) bytes for \(range.count)")
    guard let place = places[UTF8Key(name)] else { throw missing(name) }
    if let stored = place.stored { return try base.read(stored, range: range, into: buffer) }
    try tensors[place.position].check(range, in: path)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }
}
