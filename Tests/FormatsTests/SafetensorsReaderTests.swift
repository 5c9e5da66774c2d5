import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("the safetensors reader")
struct SafetensorsReaderTests {
  private let directory = TemporaryDirectory()

  @Test("reads what the reference implementation has written")
  func reference() throws {
    let reader = try SafetensorsReader(ReferenceFile.path)
    try checkTensorReader(reader)
    #expect(reader.metadata.map(\.key) == ["format"])
    #expect(reader.tensors.count == 13)
    #expect(reader.descriptor(named: "model.norm.weight")?.shape == [2, 3])
    #expect(try reader.bytes("model.norm.weight").count == 24)
    #expect(try reader.bytes("b") == [0, 0, 0x80, 0x3F, 0, 0x40, 0x40, 0x40])
    #expect(try reader.bytes("f8") == [0, 0x38, 0x40, 0x44])
    #expect(try reader.bytes("é中😀") == [0, 1])
    #expect(try reader.bytes("q\"b\\s/\n\t\u{1}\u{7F}") == [0, 1])
  }

  @Test("opens two gigabytes by the header alone")
  func sparse() throws {
    let size = 2 << 30
    let header = #"{"t":{"dtype":"U8","shape":[\#(size)],"data_offsets":[0,\#(size)]}}"#
    let path = directory.write("sparse.safetensors", SafetensorsBytes.file(header))
    #expect(truncate(path, off_t(8 + header.utf8.count + size)) == 0)
    let seconds = try processorSeconds {
      let reader = try SafetensorsReader(path)
      #expect(reader.tensors[0].byteCount == size)
      #expect(try reader.tensor(named: "t").bytes.last == 0)
    }
    // It takes a fraction of a millisecond; reading the data would take half a second and more.
    #expect(seconds < 0.1)
  }

  @Test("parses a hundred thousand tensors quickly")
  func manyTensors() throws {
    let tensors = try (0..<100_000).map { number in
      try TensorDescriptor(name: "model.layers.\(number).mlp.weight", elementType: .uint8, shape: [1])
    }
    let layout = try SafetensorsLayout(tensors)
    let path = directory.write("many.safetensors", layout.header + [UInt8](repeating: 7, count: 100_000))
    let seconds = try processorSeconds {
      let reader = try SafetensorsReader(path)
      #expect(reader.tensors.count == 100_000)
      #expect(try reader.bytes("model.layers.99999.mlp.weight") == [7])
    }
    // It takes 0.12 s; the bound leaves room for slow machines and fails for anything quadratic.
    #expect(seconds < 2)
  }

  @Test("keeps a tensor's bytes alive after the reader has gone")
  func lifetime() throws {
    let path = directory.write(
      "a.safetensors",
      SafetensorsBytes.file(#"{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, dataSize: 4))
    let tensor = try SafetensorsReader(path).tensor(named: "t")
    #expect(Array(tensor.bytes) == [0, 1, 2, 3])
  }

  @Test("reports a file that is shortened while it is open")
  func shortened() throws {
    let path = directory.write(
      "a.safetensors",
      SafetensorsBytes.file(#"{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, dataSize: 4))
    let reader = try SafetensorsReader(path)
    #expect(truncate(path, off_t(reader.header.dataStart + 2)) == 0)
    var bytes = [UInt8](repeating: 0, count: 4)
    let error = expectProblem(.truncatedData) {
      try bytes.withUnsafeMutableBytes { try reader.read("t", range: 0..<4, into: $0) }
    }
    #expect(error?.tensor == "t")
    #expect(error?.file == path)
  }

  @Test("proposes the names that are nearest to a missing one")
  func nearNames() throws {
    let tensors = try ["model.layers.0.self_attn.q_proj.weight", "lm_head.weight"].map { name in
      try TensorDescriptor(name: name, elementType: .uint8, shape: [0])
    }
    let path = directory.write("a.safetensors", try SafetensorsLayout(tensors).header)
    let reader = try SafetensorsReader(path)
    let error = expectProblem(.missingTensor) { try reader.tensor(named: "model.layers.0.self_attn.q_prj.weight") }
    #expect(error?.remedy == "similar names: model.layers.0.self_attn.q_proj.weight")
    #expect(expectProblem(.missingTensor) { try reader.tensor(named: "zzz") }?.remedy == nil)
  }

  @Test("says why a file cannot be opened")
  func unreadable() throws {
    let missing = expectProblem(.unreadable) { try SafetensorsReader(directory.path("none.safetensors")) }
    #expect(missing?.found == "No such file or directory")
    expectProblem(.unreadable) { try SafetensorsReader(directory.path) }
    #expect(mkfifo(directory.path("pipe"), 0o600) == 0)
    expectProblem(.unreadable, "does not wait for a writer") { try SafetensorsReader(directory.path("pipe")) }
  }
}

/// A file written by the reference implementation (the Python package safetensors 0.8.0).
enum ReferenceFile {
  static let path = FileSystem.join(
    FileSystem.directory(of: FileSystem.directory(of: FileSystem.directory(of: #filePath))),
    "fixtures/safetensors/reference.safetensors")
}
