import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the safetensors writer")
struct SafetensorsWriterTests {
  private let directory = TemporaryDirectory()

  private func descriptor(_ name: String, _ type: ElementType, _ shape: Shape) throws -> TensorDescriptor {
    try TensorDescriptor(name: name, elementType: type, shape: shape)
  }

  @Test("writes the bytes that the reference implementation writes", arguments: [1, 5, 8 << 20])
  func referenceBytes(_ pieceSize: Int) throws {
    let reader = try SafetensorsReader(ReferenceFile.path)
    let path = directory.path("copy.safetensors")
    // In another order than the file's, which the writer must find by itself.
    let writer = try SafetensorsWriter(path, tensors: reader.tensors.reversed(), metadata: reader.metadata)
    for tensor in writer.tensors { try writer.copy(tensor.name, from: reader, pieceSize: pieceSize) }
    let written = try writer.finish()
    #expect(directory.bytes("copy.safetensors") == (try FileSystem.read(ReferenceFile.path, limit: 4096)))
    #expect(
      written == [
        WrittenFile(
          path: path, byteCount: 931, sha256: "7deb64edc4837a52cff5d59709cf58e4b0edae21436d57fe1d06eb65dcaa474b")
      ])
  }

  /// Whole headers as the Python package safetensors 0.8.0 writes them.
  @Test("writes the reference's header for small cases")
  func smallHeaders() throws {
    func text(_ tensors: [TensorDescriptor], _ metadata: [(key: String, value: String)] = []) throws -> String {
      let header = try SafetensorsLayout(tensors, metadata: metadata).header
      #expect(Array(header[..<8]) == SafetensorsBytes.prefix(UInt64(header.count - 8)))
      return String(decoding: header[8...], as: UTF8.self)
    }
    #expect(try text([]) == "{}      ")
    #expect(try text([], [("format", "pt")]) == #"{"__metadata__":{"format":"pt"}}"#)
    #expect(
      try text([descriptor("x", .uint8, [3])]) == #"{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}   "#)
  }

  @Test("sorts by rank of the type, then by bytes of the name, and metadata by key")
  func order() throws {
    let layout = try SafetensorsLayout(
      [
        descriptor("b", .float16, [1]), descriptor("a", .bool, [1]), descriptor("a2", .uint64, [1]),
        descriptor("Z", .bfloat16, [1]), descriptor("é", .bfloat16, [1]), descriptor("z", .bfloat16, [1]),
        descriptor("a1", .uint64, [1]),
      ], metadata: [("z", "1"), ("A", "2"), ("a", "3")])
    #expect(layout.tensors.map(\.name) == ["a1", "a2", "Z", "z", "é", "b", "a"])
    let text = String(decoding: layout.header[8...], as: UTF8.self)
    #expect(text.hasPrefix(#"{"__metadata__":{"A":"2","a":"3","z":"1"},"a1""#))
    #expect(layout.fileSize == layout.header.count + 8 + 8 + 2 * 3 + 2 + 1)
  }

  @Test("refuses wrong sizes, wrong order and tensors that nobody announced")
  func refusals() throws {
    let tensors = [try descriptor("a", .uint8, [4]), try descriptor("b", .uint8, [2])]
    let path = directory.path("a.safetensors")
    func append(_ writer: SafetensorsWriter, _ count: Int, to name: String) throws {
      try [UInt8](repeating: 1, count: count).withUnsafeBytes { try writer.append($0, to: name) }
    }
    do {
      let writer = try SafetensorsWriter(path, tensors: tensors)
      expectProblem(.tensorOutOfOrder) { try append(writer, 1, to: "b") }
      expectProblem(.tensorOutOfOrder) { try append(writer, 1, to: "c") }
      expectProblem(.tensorSizeWrong) { try append(writer, 5, to: "a") }
      try append(writer, 3, to: "a")
      expectProblem(.tensorSizeWrong) { try append(writer, 2, to: "a") }
      expectProblem(.tensorOutOfOrder) { try append(writer, 1, to: "b") }
      let error = expectProblem(.tensorSizeWrong) { try writer.finish() }
      #expect(error?.tensor == "a")
      #expect(error?.category == .output)
    }
    #expect(directory.entries() == [], "an unfinished file leaves nothing")
  }

  @Test("refuses names that cannot stand in one file")
  func names() throws {
    let a = try descriptor("a", .uint8, [1])
    expectProblem(.invalidTensorPlan) { try SafetensorsLayout([a, descriptor("a", .float32, [])]) }
    expectProblem(.invalidTensorPlan) { try SafetensorsLayout([descriptor("__metadata__", .uint8, [])]) }
    expectProblem(.invalidTensorPlan) { try SafetensorsLayout([a], metadata: [("k", "1"), ("k", "2")]) }
    expectProblem(.sizeOverflow) {
      try SafetensorsLayout((0..<5).map { try descriptor("\($0)", .uint8, [1 << 60, 2]) })
    }
  }

  @Test("refuses a header that readers would refuse")
  func hugeHeader() throws {
    let value = String(decoding: [UInt8](repeating: 0x78, count: SafetensorsHeader.maximumBytes), as: UTF8.self)
    let error = expectProblem(.headerNotWritable) { try SafetensorsLayout([], metadata: [("k", value)]) }
    #expect(error?.category == .output)
  }

  @Test("replaces a file only when told to, even one that is being read")
  func replacing() throws {
    let reader = try SafetensorsReader(directory.write("a.safetensors", referenceFile()))
    let name = "model.norm.weight"
    expectProblem(.outputExists) { try SafetensorsWriter(reader.path, tensors: []) }
    let before = try reader.bytes(name)
    let writer = try SafetensorsWriter(reader.path, tensors: reader.tensors, replacing: true)
    for tensor in writer.tensors { try writer.write(reader.tensor(named: tensor.name)) }
    _ = try writer.finish()
    #expect(try reader.bytes(name) == before)
    #expect(try SafetensorsReader(reader.path).bytes(name) == before)
    #expect(directory.entries() == ["a.safetensors"])
  }

  private func referenceFile() throws -> [UInt8] { try FileSystem.read(ReferenceFile.path, limit: 4096) }
}
