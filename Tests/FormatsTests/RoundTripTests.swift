import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a written checkpoint")
struct RoundTripTests {
  @Test("reads back as it was, in one file and in shards", arguments: UInt64(0)..<24)
  func roundTrip(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "round trip")
    let directory = TemporaryDirectory()
    let contents = try RandomCheckpoint(&random)
    let limit = seed % 2 == 0 ? Int.max : 1 + random.index(below: 400)
    let writer = try ShardedWriter(
      directory: directory.path, tensors: contents.tensors, metadata: contents.metadata, maximumBytes: limit)
    for tensor in writer.tensors {
      for piece in contents.pieces(of: tensor, &random) {
        try piece.withUnsafeBytes { try writer.append($0, to: tensor.name) }
      }
    }
    let written = try writer.finish()
    for file in written { #expect(try SHA256.hash(file: file.path) == file.sha256, "seed \(seed)") }
    let reader = try FormatRegistry.open(directory.path)
    try checkTensorReader(reader)
    #expect(reader.tensors == writer.tensors, "seed \(seed)")
    #expect(reader.metadata.map(\.value) == contents.metadata.map(\.value), "seed \(seed)")
    for tensor in contents.tensors {
      #expect(try reader.bytes(tensor.name) == contents.bytes[UTF8Key(tensor.name)], "seed \(seed), \(tensor.name)")
    }
    #expect(directory.entries() == written.map { FileSystem.name(of: $0.path) }.sorted())
  }
}

/// Tensors of random names, types, shapes and bytes.
struct RandomCheckpoint {
  var tensors: [TensorDescriptor] = []
  var bytes: [UTF8Key: [UInt8]] = [:]
  let metadata = [(key: "format", value: "pt"), (key: "note", value: "\u{0}\"é\u{1F600}\\")]

  init(_ random: inout SeededGenerator) throws {
    for number in 0..<random.index(below: 12) {
      let type = ElementType.allCases[random.index(below: ElementType.allCases.count)]
      var dimensions = (0..<random.index(below: 5)).map { _ in random.index(below: 5) }
      if type.bitsPerElement < 8 { dimensions.append(4) }
      let name =
        "\(number)" + String((0..<random.index(below: 6)).map { _ in Self.alphabet.randomElement(using: &random)! })
      let tensor = try TensorDescriptor(name: name, elementType: type, shape: Shape(dimensions))
      tensors.append(tensor)
      bytes[UTF8Key(name)] = (0..<tensor.byteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
  }

  private static let alphabet: [Character] = ["a", ".", "/", "\"", "\\", "\n", "\u{1}", "é", "中", "😀", " ", "\u{7F}"]

  /// The tensor's bytes, cut at random.
  func pieces(of tensor: TensorDescriptor, _ random: inout SeededGenerator) -> [ArraySlice<UInt8>] {
    var rest = (bytes[UTF8Key(tensor.name)] ?? [])[...]
    var pieces: [ArraySlice<UInt8>] = []
    while !rest.isEmpty {
      let count = 1 + random.index(below: rest.count)
      pieces.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}
