import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("editing the metadata of a safetensors file")
struct SafetensorsMetadataTests {
  let scratch = TemporaryDirectory()

  private func write(alignment: Int = 8) throws -> String {
    let path = scratch.path("model.safetensors")
    let tensors = [
      StoredTensor(encoding: [1, 2, 3], as: .float32, shape: [3], name: "b"),
      StoredTensor(encoding: [4, 5], as: .bfloat16, shape: [2], name: "a"),
    ]
    let writer = try SafetensorsWriter(
      path,
      tensors: tensors.map { try TensorDescriptor(name: $0.name, elementType: $0.elementType, shape: $0.shape) },
      metadata: [("format", "pt"), ("note", "a longer text that leaves room when it goes")], alignment: alignment)
    for tensor in tensors { try writer.write(tensor) }
    _ = try writer.finish()
    return path
  }

  private func metadata(_ path: String) throws -> [String: String] {
    let reader = try FormatRegistry.open(path)
    try checkTensorReader(reader)
    #expect(try reader.bytes("a") == [0x80, 0x40, 0xA0, 0x40])
    return Dictionary(uniqueKeysWithValues: reader.metadata.map { ($0.key, $0.value) })
  }

  @Test("stays in place while it fits the room of the header, and is written anew beyond")
  func ways() throws {
    let path = try write()
    let size = try FileSystem.size(path)
    #expect(try SafetensorsMetadata.edit(path, ["note": "short", "more": "1"]) == .inPlace)
    #expect(try metadata(path) == ["format": "pt", "note": "short", "more": "1"])
    #expect(try FileSystem.size(path) == size)
    #expect(try SafetensorsMetadata.edit(path, ["more": "1"]) == .unchanged)
    #expect(try SafetensorsMetadata.edit(path, ["note": nil]) == .inPlace)
    #expect(try SafetensorsMetadata.edit(path, ["note": String(repeating: "x", count: 500)]) == .rewritten)
    #expect(try metadata(path)["note"]?.count == 500)
    #expect(scratch.entries() == ["model.safetensors"])
  }

  @Test("an edit that was killed within is undone by the next one")
  func interrupted() throws {
    let path = try write()
    let whole = scratch.bytes("model.safetensors")
    var torn = whole
    for index in 20..<60 { torn[index] = 0x7B }
    scratch.write("model.safetensors", torn)
    let length = Int(whole[0]) | Int(whole[1]) << 8
    scratch.write(".model.safetensors.header", Array(whole[8..<8 + length]))
    #expect(try SafetensorsMetadata.edit(path, [:]) == .unchanged)
    #expect(scratch.bytes("model.safetensors") == whole)
    #expect(scratch.entries() == ["model.safetensors"])
  }

  @Test("data begins at a page where that is asked for, and padding leaves room for metadata", arguments: [64, 4096])
  func aligned(_ alignment: Int) throws {
    let path = try write(alignment: alignment)
    let header = try SafetensorsHeader(HostFile(path))
    #expect(header.dataStart % alignment == 0)
    #expect(try metadata(path)["format"] == "pt")
    if alignment == 4096 {
      #expect(try SafetensorsMetadata.edit(path, ["note": String(repeating: "y", count: 3000)]) == .inPlace)
    }
  }
}
