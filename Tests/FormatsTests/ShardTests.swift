import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("a checkpoint in shards")
struct ShardTests {
  private let directory = TemporaryDirectory()

  /// Writes a shard with tensors of one byte each, whose value is the first of their name.
  private func shard(_ file: String, _ names: [String]) throws {
    let tensors = try names.map { try TensorDescriptor(name: $0, elementType: .uint8, shape: [1]) }
    let layout = try SafetensorsLayout(tensors)
    directory.write(file, layout.header + layout.tensors.map { $0.name.utf8.first ?? 0 })
  }

  private func index(_ map: String, total: String? = "3") -> String {
    let metadata = total.map { #""metadata":{"total_size":\#($0)},"# } ?? ""
    return directory.write("model.safetensors.index.json", #"{\#(metadata)"weight_map":{\#(map)}}"#)
  }

  private let one = "model-00001-of-00002.safetensors"
  private let two = "model-00002-of-00002.safetensors"
  private var goodMap: String { #""c":"\#(two)","a":"\#(one)","b":"\#(one)""# }

  private func writeShards() throws {
    try shard(one, ["a", "b"])
    try shard(two, ["c"])
  }

  private func refuses(_ problem: Problem, _ map: String, total: String? = "3") -> HybridizeError? {
    let path = index(map, total: total)
    return expectProblem(problem) { try ShardedReader(index: path) }
  }

  @Test("opens by its directory and by its index", arguments: ["3", "3.0", nil])
  func opens(_ total: String?) throws {
    try writeShards()
    let path = index(goodMap, total: total)
    for given in [path, directory.path] {
      let reader = try FormatRegistry.open(given)
      try checkTensorReader(reader)
      #expect(reader.path == given)
      #expect(reader.tensors.map(\.name) == ["a", "b", "c"])
      #expect(reader.files == [directory.path(one), directory.path(two)])
      #expect(reader.file(of: "c") == directory.path(two))
      #expect(try reader.bytes("c") == Array("c".utf8))
    }
  }

  @Test(
    "is refused when its index names a file elsewhere",
    arguments: ["../other/model.safetensors", "/etc/passwd", "..", ".", "", "a/b.safetensors", "a\\\\b", "a\\u0000"])
  func pathTraversal(_ file: String) throws {
    try writeShards()
    #expect(refuses(.shardPathEscapes, #""a":"\#(file)""#)?.tensor == "a")
  }

  @Test("is refused when a shard is missing")
  func missingShard() throws {
    try shard(one, ["a", "b"])
    #expect(refuses(.missingShard, goodMap)?.expected == directory.path(two))
  }

  @Test("is refused when the index names a tensor that is nowhere")
  func ghost() throws {
    try writeShards()
    #expect(refuses(.ghostTensor, goodMap + #","ghost":"\#(one)""#)?.tensor == "ghost")
  }

  @Test("is refused when the index leaves a tensor out")
  func unmapped() throws {
    try writeShards()
    let error = refuses(.unmappedTensor, #""a":"\#(one)","c":"\#(two)""#)
    #expect(error?.tensor == "b")
    #expect(error?.file == directory.path(one))
  }

  @Test("is refused when the index names the wrong shard")
  func wrongShard() throws {
    try writeShards()
    let error = refuses(.tensorInOtherShard, #""a":"\#(one)","b":"\#(two)","c":"\#(two)""#)
    #expect(error?.tensor == "b")
    #expect(error?.found == "in \(one)")
  }

  @Test("is refused when two shards hold the same tensor")
  func duplicate() throws {
    try shard(one, ["a", "b"])
    try shard(two, ["b", "c"])
    #expect(refuses(.duplicateAcrossShards, goodMap)?.tensor == "b")
  }

  @Test("is refused when the total size is wrong", arguments: ["2", "4", "0"])
  func totalSize(_ total: String) throws {
    try writeShards()
    #expect(refuses(.totalSizeMismatch, goodMap, total: total)?.found == "\(total) bytes")
  }

  @Test("is refused when the total size is no number of bytes", arguments: ["-3", "3.5", "\"3\"", "1e400"])
  func totalSizeType(_ total: String) throws {
    try writeShards()
    _ = refuses(.wrongType, goodMap, total: total)
  }

  @Test("is refused when a shard lies about that the index does not know")
  func stray() throws {
    try writeShards()
    try shard("other.safetensors", ["x"])
    try shard("model.fp16-00001-of-00001.safetensors", ["x"])
    _ = try ShardedReader(index: index(goodMap))
    try shard("model-00003-of-00003.safetensors", ["x"])
    #expect(refuses(.strayShard, goodMap)?.file == directory.path("model-00003-of-00003.safetensors"))
  }

  @Test("is refused when its index is malformed")
  func malformed() throws {
    try writeShards()
    func refuse(_ problem: Problem, _ text: String) {
      let path = directory.write("bad.safetensors.index.json", text)
      #expect(expectProblem(problem, "\(text)") { try FormatRegistry.open(path) }?.file == path)
    }
    refuse(.missingField, #"{"metadata":{}}"#)
    refuse(.wrongType, #"{"weight_map":[]}"#)
    refuse(.wrongType, #"{"weight_map":{"a":1}}"#)
    refuse(.wrongType, #"{"metadata":3,"weight_map":{}}"#)
    refuse(.duplicateName, #"{"weight_map":{"a":"\#(one)","\u0061":"\#(two)"}}"#)
    refuse(.duplicateField, #"{"weight_map":{},"weight_map":{}}"#)
    refuse(.jsonSyntax, #"{"weight_map":{}"#)
  }

  @Test("is refused when a shard is broken, and the shard is named")
  func brokenShard() throws {
    try shard(one, ["a", "b"])
    directory.write(two, "short")
    #expect(refuses(.truncatedPrefix, goodMap)?.file == directory.path(two))
  }

  @Test("may be links into the blobs of the same Hugging Face cache")
  func cacheSnapshot() throws {
    _ = directory.makeDirectory("models--a--b/blobs")
    let snapshot = directory.makeDirectory("models--a--b/snapshots/0123")
    try writeShards()
    _ = index(goodMap)
    for (blob, file) in [("0a", one), ("0b", two), ("0c", "model.safetensors.index.json")] {
      #expect(rename(directory.path(file), directory.path("models--a--b/blobs/\(blob)")) == 0)
      directory.link("models--a--b/snapshots/0123/\(file)", to: "../../blobs/\(blob)")
    }
    let reader = try FormatRegistry.open(snapshot)
    try checkTensorReader(reader)
    #expect(reader.files == ["\(snapshot)/\(one)", "\(snapshot)/\(two)"])
  }

  @Test("is refused when a shard is a link that leads elsewhere")
  func linkEscapes() throws {
    try writeShards()
    let inner = directory.makeDirectory("inner")
    for file in [one, two] { directory.link("inner/\(file)", to: "../\(file)") }
    let path = directory.write("inner/model.safetensors.index.json", #"{"weight_map":{\#(goodMap)}}"#)
    let error = expectProblem(.shardLinkEscapes) { try ShardedReader(index: path) }
    #expect(error?.file == "\(inner)/\(one)")
  }

  @Test("says each thing once that its shards say about themselves")
  func metadata() throws {
    for (file, name, note) in [(one, "a", "x"), (two, "b", "y")] {
      let layout = try SafetensorsLayout(
        [TensorDescriptor(name: name, elementType: .uint8, shape: [0])], metadata: [("format", "pt"), ("note", note)])
      directory.write(file, layout.header)
    }
    let reader = try ShardedReader(index: index(#""a":"\#(one)","b":"\#(two)""#, total: "0"))
    #expect(reader.metadata.map(\.key) == ["format", "note", "note"])
    #expect(reader.metadata.map(\.value) == ["pt", "x", "y"])
  }
}
