import Foundation
import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the writer of zstd files")
struct ZstdWriterTests {
  private let directory = TemporaryDirectory()

  struct Case: CustomTestStringConvertible, Sendable {
    let seed: UInt64
    let options: ZstdOptions
    var testDescription: String {
      "seed \(seed), level \(options.level), \(options.threads) threads, \(options.isShuffled ? "" : "not ")shuffled"
    }

    static let all = (UInt64(0)..<24).map { seed in
      Case(
        seed: seed,
        options: ZstdOptions(
          level: [1, 3, 9, 19][Int(seed % 4)], threads: 1 + Int(seed % 3), isShuffled: seed / 4 % 2 == 1))
    }
  }

  /// Writes the same tensors with and without compression.
  private func write(_ contents: RandomCheckpoint, _ options: ZstdOptions, _ random: inout SeededGenerator) throws {
    let writers: [any TensorWriter] = [
      try ZstdSafetensorsWriter(
        directory.path("a.safetensors.zst"), tensors: contents.tensors, metadata: contents.metadata, options: options),
      try SafetensorsWriter(
        directory.path("a.safetensors"), tensors: contents.tensors, metadata: contents.metadata),
    ]
    for writer in writers {
      for tensor in writer.tensors {
        for piece in contents.pieces(of: tensor, &random) {
          try piece.withUnsafeBytes { try writer.append($0, to: tensor.name) }
        }
      }
      for file in try writer.finish() { #expect(try SHA256.hash(file: file.path) == file.sha256) }
    }
  }

  @Test("writes what reads back as it was, and makes the same plain file again", arguments: Case.all)
  func roundTrip(_ test: Case) throws {
    var random = SeededGenerator(seed: test.seed, stream: "zstd round trip")
    let contents = try RandomCheckpoint(&random)
    try write(contents, test.options, &random)
    let reader = try ZstdSafetensorsReader(directory.path("a.safetensors.zst"), strict: true)
    try checkTensorReader(reader)
    #expect(reader.isShuffled == test.options.isShuffled)
    for tensor in contents.tensors {
      #expect(try reader.bytes(tensor.name) == contents.bytes[UTF8Key(tensor.name)], "\(tensor.name)")
    }
    let again = try SafetensorsWriter(
      directory.path("again.safetensors"), tensors: reader.tensors, metadata: reader.metadata)
    for tensor in again.tensors { try again.copy(tensor.name, from: reader, pieceSize: 100) }
    _ = try again.finish()
    #expect(directory.bytes("again.safetensors") == directory.bytes("a.safetensors"))
  }

  /// Tensors of several frames, of part of one, of none, and of every element size, with values like weights.
  private func largeCheckpoint() throws -> [StoredTensor] {
    var random = SeededGenerator(seed: 7, stream: "large zstd checkpoint")
    let shapes: [(String, ElementType, Shape)] = [
      ("f64", .float64, [1000, 300]), ("f32", .float32, [1100, 1000]), ("f32 small", .float32, [3]),
      ("empty", .float32, [0]), ("bf16", .bfloat16, [1500, 2000]), ("bf16 small", .bfloat16, [100, 10]),
      ("f8", .float8E4M3, [1 << 20]), ("flag", .bool, []),
    ]
    return try shapes.map { name, type, shape in
      let bytes = OwnedBytes(count: try type.byteCount(elements: shape.elementCount()))
      for index in bytes.bytes.indices {
        bytes.bytes[index] = index % 2 == 0 ? UInt8.random(in: 0...255, using: &random) : UInt8(60 + index % 3)
      }
      return StoredTensor(
        name: name, elementType: type, shape: shape, bytes: UnsafeRawBufferPointer(bytes.bytes), owner: bytes)
    }
  }

  private func write(
    _ tensors: [StoredTensor], _ name: String, _ options: ZstdOptions, pieceSize: Int = .max
  ) throws {
    let descriptors = try tensors.map {
      try TensorDescriptor(name: $0.name, elementType: $0.elementType, shape: $0.shape)
    }
    let writer = try ZstdSafetensorsWriter(directory.path(name), tensors: descriptors, options: options)
    for descriptor in writer.tensors {
      let bytes = try #require(tensors.first { $0.name == descriptor.name }).bytes
      var start = 0
      while start < bytes.count {
        let end = start + min(pieceSize, bytes.count - start)
        try writer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), to: descriptor.name)
        start = end
      }
    }
    _ = try writer.finish()
  }

  @Test("writes the same bytes with any number of threads and in any pieces", arguments: [1, 3, 9], [false, true])
  func deterministic(_ level: Int, _ isShuffled: Bool) throws {
    let tensors = try largeCheckpoint()
    try write(tensors, "1", ZstdOptions(level: level, isShuffled: isShuffled))
    for (threads, pieceSize) in [(2, 100_003), (3, .max), (100, 3 << 20)] {
      let options = ZstdOptions(level: level, threads: threads, isShuffled: isShuffled)
      try write(tensors, "\(threads)", options, pieceSize: pieceSize)
      #expect(directory.bytes("\(threads)") == directory.bytes("1"), "\(threads) threads")
    }
    let reader = try ZstdSafetensorsReader(directory.path("1"))
    try checkTensorReader(reader)
    for tensor in tensors {
      #expect(try reader.tensor(named: tensor.name).hasSameContent(as: tensor), "\(tensor.name)")
    }
  }

  @Test("makes files smaller, and smaller still when it shuffles")
  func sizes() throws {
    let tensors = try largeCheckpoint()
    try write(tensors, "plain", ZstdOptions())
    try write(tensors, "shuffled", ZstdOptions(isShuffled: true))
    let sizes = (
      tensors.reduce(0) { $0 + $1.bytes.count }, directory.bytes("plain").count, directory.bytes("shuffled").count
    )
    #expect(sizes.1 < sizes.0 * 8 / 10)
    #expect(sizes.2 < sizes.1 * 9 / 10)
  }

  @Test("refuses tensors out of order and leaves nothing of an unfinished file")
  func refusals() throws {
    let tensors = try ["a", "b"].map { try TensorDescriptor(name: $0, elementType: .uint8, shape: [4]) }
    do {
      let writer = try ZstdSafetensorsWriter(directory.path("a"), tensors: tensors)
      let four = [UInt8](repeating: 1, count: 4)
      expectProblem(.tensorOutOfOrder) { try four.withUnsafeBytes { try writer.append($0, to: "b") } }
      try four.withUnsafeBytes { try writer.append($0, to: "a") }
      expectProblem(.tensorSizeWrong) { try writer.finish() }
    }
    #expect(directory.entries() == [])
    let huge = try TensorDescriptor(name: "huge", elementType: .uint8, shape: [1 << 60])
    expectProblem(.tooManyFramesToWrite) { try ZstdSafetensorsWriter(directory.path("a"), tensors: [huge]) }
    directory.write("a", "there")
    expectProblem(.outputExists) { try ZstdSafetensorsWriter(directory.path("a"), tensors: tensors) }
  }

  @Test("marks a shuffled file so that no reader of plain files takes it for one")
  func mark() throws {
    let inside = Array("HYBSHUF1".utf8) + (try FileSystem.read(ReferenceFile.path, limit: 4096))
    let error = expectProblem(.headerTooLarge) { try SafetensorsReader(directory.write("inside", inside)) }
    #expect(error?.remedy?.contains("shuffled") == true)
    expectProblem(.headerTooLarge, "without the frame in front it is a wrong file as well") {
      try ZstdSafetensorsReader(directory.write("bare", ZstdBytes.frame(inside)))
    }
  }

  private static let program = ["/usr/bin/zstd", "/usr/local/bin/zstd", "/opt/homebrew/bin/zstd"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  private func decompress(_ name: String) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Self.program))
    process.arguments = ["-d", "-q", directory.path(name), "-o", directory.path(name + ".out")]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return directory.bytes(name + ".out")
  }

  @Test("writes what zstd -d turns into the plain file", .enabled(if: program != nil), arguments: UInt64(0)..<4)
  func unpacked(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "unpacked")
    try write(RandomCheckpoint(&random), ZstdOptions(level: 3), &random)
    #expect(try decompress("a.safetensors.zst") == directory.bytes("a.safetensors"))
  }

  @Test("shuffles bytes of elements as documented", .enabled(if: program != nil))
  func shuffledBytes() throws {
    let bytes = OwnedBytes(count: 6)
    bytes.bytes.copyBytes(from: [1, 2, 3, 4, 5, 6])
    let tensor = StoredTensor(
      name: "t", elementType: .bfloat16, shape: [3], bytes: UnsafeRawBufferPointer(bytes.bytes), owner: bytes)
    try write([tensor], "a", ZstdOptions(isShuffled: true))
    let inside = try decompress("a")
    let header = try SafetensorsLayout([TensorDescriptor(name: "t", elementType: .bfloat16, shape: [3])]).header
    #expect(inside == Array("HYBSHUF1".utf8) + header + [1, 3, 5, 2, 4, 6])
    expectProblem(.headerTooLarge) { try SafetensorsReader(directory.path("a.out")) }
  }
}
