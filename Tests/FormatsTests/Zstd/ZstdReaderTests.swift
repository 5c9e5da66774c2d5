import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the reader of zstd files")
struct ZstdReaderTests {
  private let directory = TemporaryDirectory()

  /// A way to hold the same bytes.
  struct Container: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: @Sendable ([UInt8]) -> [UInt8]

    init(_ name: String, _ bytes: @escaping @Sendable ([UInt8]) -> [UInt8]) {
      testDescription = name
      self.bytes = bytes
    }

    private static func halves(_ file: [UInt8]) -> [[UInt8]] { [Array(file[..<300]), Array(file[300...])] }
    private static let note = ZstdBytes.skippable(Array("a note".utf8), number: 3)

    static let all: [Container] = [
      Container("one frame") { ZstdBytes.frame($0) },
      Container("one frame that does not say its size") { ZstdBytes.frame($0, claims: nil) },
      Container("two frames") { halves($0).flatMap { ZstdBytes.frame($0) } },
      Container("two frames, one without its size") {
        ZstdBytes.frame(halves($0)[0], claims: nil) + ZstdBytes.frame(halves($0)[1])
      },
      Container("a frame a byte") { $0.flatMap { ZstdBytes.frame([$0]) } },
      Container("skippable frames before, between and after") { file in
        note + halves(file).flatMap { ZstdBytes.frame($0) + note }
      },
      Container("empty frames") { file in
        ZstdBytes.frame([]) + halves(file).flatMap { ZstdBytes.frame($0) + ZstdBytes.frame([], claims: nil) }
      },
      Container("a seek table") { file in
        ZstdBytes.seekable(halves(file).map { (ZstdBytes.frame($0), $0.count) })
      },
      Container("a seek table of frames that do not say their sizes") { file in
        ZstdBytes.seekable(halves(file).map { (ZstdBytes.frame($0, claims: nil), $0.count) })
      },
      Container("a seek table with skippable and empty frames") { file in
        let frames = halves(file).map { (ZstdBytes.frame($0), $0.count) }
        return ZstdBytes.seekable([(note, 0), frames[0], (ZstdBytes.frame([]), 0), frames[1]])
      },
    ]
  }

  private func expectReference(_ reader: any TensorReader) throws {
    let plain = try SafetensorsReader(ReferenceFile.path)
    try checkTensorReader(reader)
    #expect(reader.formatName == "safetensors.zst")
    #expect(reader.tensors == plain.tensors)
    #expect(reader.metadata.map(\.value) == plain.metadata.map(\.value))
    for tensor in plain.tensors { #expect(try reader.bytes(tensor.name) == plain.bytes(tensor.name)) }
  }

  @Test("reads files in every arrangement of frames", arguments: Container.all)
  func containers(_ container: Container) throws {
    let file = try FileSystem.read(ReferenceFile.path, limit: 4096)
    let path = directory.write("a.safetensors.zst", container.bytes(file))
    try expectReference(FormatRegistry.open(path))
  }

  /// Made from reference.safetensors by zstd 1.5.4: `zstd -19 --check`, and from standard input, where the program
  /// cannot know the size.
  @Test("reads what the zstd program has written", arguments: ["reference", "reference-stream"])
  func program(_ name: String) throws {
    try expectReference(FormatRegistry.open(Fixtures.path("safetensors/\(name).safetensors.zst")))
  }

  @Test("is chosen by content, and for a directory that has nothing else")
  func recognition() throws {
    let file = ZstdBytes.frame(try FileSystem.read(ReferenceFile.path, limit: 4096))
    try expectReference(FormatRegistry.open(directory.write("0a1b2c", file)))
    let folder = directory.makeDirectory("model")
    directory.write("model/other.safetensors.zst", file)
    #expect(try FormatRegistry.open(folder).files == [directory.path("model/other.safetensors.zst")])
    directory.write("model/another.safetensors.zst", file)
    expectProblem(.ambiguousCheckpoint) { try FormatRegistry.open(folder) }
    let usual = directory.write("model/model.safetensors.zst", file)
    let reader = try FormatRegistry.open(folder)
    #expect(reader.files == [usual])
    #expect(reader.path == folder)
    let plain = directory.write("model/model.safetensors", try FileSystem.read(ReferenceFile.path, limit: 4096))
    #expect(try FormatRegistry.open(folder).files == [plain], "the file as it is comes first")
  }

  /// Three tensors of which the second is large and repeats, in one frame of more than 8 MiB.
  private func largeFrame() throws -> (path: String, tensors: [TensorDescriptor], start: [UInt8]) {
    let tensors = try [("a", 1000), ("b", 20 << 20), ("c", 7)].map { name, size in
      try TensorDescriptor(name: name, elementType: .uint8, shape: [size])
    }
    let layout = try SafetensorsLayout(tensors)
    let start = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let frame = ZstdBytes.repeated(
      9, 20 << 20 + 7, after: layout.header + start, claims: UInt64(layout.fileSize))
    return (directory.write("large.safetensors.zst", frame), tensors, start)
  }

  @Test("reads a large frame in any order, piece by piece")
  func largeFrames() throws {
    let large = try largeFrame()
    let reader = try ZstdSafetensorsReader(large.path)
    #expect(reader.tensors == large.tensors)
    for name in ["c", "a", "b", "a", "c"] {
      let bytes = try reader.bytes(name)
      #expect(name == "a" ? bytes == large.start : bytes.allSatisfy { $0 == 9 }, "\(name)")
    }
    var piece = [UInt8](repeating: 0, count: 100)
    for offset in [900, 0, 500, 500, 17] {
      try piece.withUnsafeMutableBytes { try reader.read("a", range: offset..<offset + 100, into: $0) }
      #expect(piece.elementsEqual(large.start[offset..<offset + 100]), "\(offset)")
    }
    try checkTensorReader(reader)
  }

  @Test("decompresses no more of a file than is asked for")
  func lazily() throws {
    let a = [UInt8](repeating: 1, count: 100)
    let layout = try SafetensorsLayout([
      TensorDescriptor(name: "a", elementType: .uint8, shape: [100]),
      TensorDescriptor(name: "b", elementType: .uint8, shape: [9 << 20]),
    ])
    // Blocks of kind 2 that hold no sense, after what is good: whoever decompresses them fails.
    let bad = ZstdBytes.block(kind: 2, size: 4, isLast: false, [0xFF, 0xFF, 0xFF, 0xFF])
    let junk = [[UInt8]](repeating: bad, count: 80).joined()
    let last = ZstdBytes.block(kind: 0, size: 0, isLast: true, [])
    func start(_ content: [UInt8]) -> [UInt8] {
      ZstdBytes.block(kind: 0, size: content.count, isLast: false, content)
    }
    // libzstd looks a block ahead.
    let ahead = ZstdBytes.block(kind: 1, size: 100, isLast: false, [7])
    let one = ZstdBytes.header(size: UInt64(layout.fileSize)) + start(layout.header + a) + ahead + junk + last
    let second = ZstdBytes.header(size: 9 << 20) + junk + last
    let two = ZstdBytes.frame(layout.header + a) + second
    for file in [one, two] {
      let reader = try ZstdSafetensorsReader(directory.write("a.safetensors.zst", file))
      #expect(try reader.bytes("a") == a)
      let error = expectProblem(.zstdDamaged) { try reader.bytes("b") }
      #expect(error?.tensor == "b")
      #expect(try reader.bytes("a") == a, "an error does not spoil what is good")
    }
  }

  @Test("serves several threads at once")
  func threads() async throws {
    let large = try largeFrame()
    let reader = try ZstdSafetensorsReader(large.path)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<8 {
        group.addTask { try number % 2 == 0 ? reader.bytes("a") == large.start : reader.bytes("c").count == 7 }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }

  @Test("opens compressed shards by their index, and finds strays among them")
  func shards() throws {
    func shard(_ number: String, _ name: String, in folder: String) throws {
      let layout = try SafetensorsLayout([TensorDescriptor(name: name, elementType: .uint8, shape: [1])])
      directory.write("\(folder)model-\(number)-of-00002.safetensors.zst", ZstdBytes.frame(layout.header + [5]))
    }
    try shard("00001", "a", in: "")
    try shard("00002", "b", in: "")
    let map = ["a", "b"].enumerated().map { #""\#($1)":"model-0000\#($0 + 1)-of-00002.safetensors.zst""# }
    directory.write("model.safetensors.index.json", #"{"weight_map":{\#(map.joined(separator: ","))}}"#)
    let reader = try FormatRegistry.open(directory.path)
    try checkTensorReader(reader)
    #expect(reader.tensors.map(\.name) == ["a", "b"])
    #expect(try reader.bytes("b") == [5])
    try shard("00003", "c", in: "")
    #expect(
      try FormatRegistry.open(directory.path).warnings
        == ["model-00003-of-00002.safetensors.zst is not in model.safetensors.index.json, and not read"])
  }

  @Test("says where to look when the header is wrong")
  func headerOffset() throws {
    let file = ZstdBytes.frame(SafetensorsBytes.file("{x}"))
    let error = expectProblem(.jsonSyntax) { try ZstdSafetensorsReader(directory.write("a", file)) }
    #expect(error?.offset == nil, "an offset is one of the file itself")
    #expect(error?.remedy?.contains("zstd -d") == true)
    #expect(error?.file == directory.path("a"))
  }
}
