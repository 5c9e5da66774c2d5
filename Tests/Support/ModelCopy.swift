import HybridizeCore
import HybridizeFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A copy of a model in a scratch directory, to be changed or broken. Files are links until they are replaced.
package struct ModelCopy {
  package let path: String

  /// A tensor with its bytes, in order to be changed.
  package struct Tensor {
    package var name: String
    package var elementType: ElementType
    package var shape: Shape
    package var bytes: [UInt8]

    package init(name: String, elementType: ElementType, shape: Shape, bytes: [UInt8]) {
      self.name = name
      self.elementType = elementType
      self.shape = shape
      self.bytes = bytes
    }
  }

  package init(of source: String = Fixtures.model, in scratch: TemporaryDirectory, as name: String = "model") {
    path = scratch.makeDirectory(name)
    for file in (try? FileSystem.list(source)) ?? [] { scratch.link("\(name)/\(file)", to: "\(source)/\(file)") }
  }

  package func file(_ name: String) -> String { "\(path)/\(name)" }

  package func remove(_ name: String) { unlink(file(name)) }

  /// Puts a new file in the place of the link, which must not be written through.
  package func replace(_ name: String, _ bytes: [UInt8]) throws {
    remove(name)
    let output = try AtomicFile(file(name))
    try bytes.withUnsafeBytes { try output.write($0) }
    _ = try output.commit()
  }

  package func replace(_ name: String, _ text: String) throws { try replace(name, Array(text.utf8)) }

  /// Changes config.json, or another file of JSON.
  package func configure(in name: String = "config.json", _ change: (inout JSONObject) -> Void) throws {
    let bytes = try FileSystem.read(file(name), limit: 1 << 20)
    var object = try JSONCursor.parse(bytes).objectValue ?? [:]
    change(&object)
    try replace(name, JSONWriter.indented(.object(object)))
  }

  /// Writes the weights anew, with the tensors as `change` leaves them.
  package func rewriteWeights(in name: String = "model.safetensors", _ change: (inout [Tensor]) -> Void) throws {
    let reader = try SafetensorsReader(file(name))
    var tensors = try reader.tensors.map {
      Tensor(
        name: $0.name, elementType: $0.elementType, shape: $0.shape,
        bytes: Array(try reader.tensor(named: $0.name).bytes))
    }
    change(&tensors)
    remove(name)
    let writer = try SafetensorsWriter(
      file(name),
      tensors: tensors.map { try TensorDescriptor(name: $0.name, elementType: $0.elementType, shape: $0.shape) })
    for place in writer.tensors {
      guard let tensor = tensors.first(where: { $0.name == place.name }) else { continue }
      try tensor.bytes.withUnsafeBytes { try writer.append($0, to: place.name) }
    }
    _ = try writer.finish()
  }

  /// Adds a head to a model whose head is the embedding: a copy of it, or one with a changed last byte.
  package func addHead(differing: Bool) throws {
    try rewriteWeights { tensors in
      guard var head = tensors.first(where: { $0.name == "model.embed_tokens.weight" }) else { return }
      head.name = "lm_head.weight"
      if differing { head.bytes[head.bytes.count - 1] ^= 1 }
      tensors.append(head)
    }
  }
}
