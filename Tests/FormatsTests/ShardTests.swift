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
    arguments: ["../other/model.safetensors", "/etc/passwd", "..", "a/../../b.safetensors", "weights/.."])
  func pathTraversal(_ file: String) throws {
    try writeShards()
    #expect(refuses(.shardPathEscapes, #""a":"\#(file)""#)?.tensor == "a")
  }

  @Test(
    "is refused when its index names what is no file, and says nothing of other directories",
    arguments: [".", "", "a\\\\b", "a\\u0000", "a//b.safetensors", "./a.safetensors", "weights/"])
  func badName(_ file: String) throws {
    try writeShards()
    let error = refuses(.badShardName, #""a":"\#(file)""#)
    #expect(error?.tensor == "a")
    #expect(error?.problem.sentence.contains("outside") == false)
  }

  @Test("may have its shards in folders below")
  func folders() throws {
    _ = directory.makeDirectory("weights/deep")
    try shard("weights/\(one)", ["a", "b"])
    try shard("weights/deep/\(two)", ["c"])
    let map = #""c":"weights/deep/\#(two)","a":"weights/\#(one)","b":"weights/\#(one)""#
    let reader = try ShardedReader(index: index(map))
    try checkTensorReader(reader)
    #expect(reader.tensors.map(\.name) == ["c", "a", "b"])
    #expect(try reader.bytes("c") == Array("c".utf8))
    #expect(reader.warnings.isEmpty)
    try shard("weights/model-00007-of-00009.safetensors", ["x"])
    #expect(
      try ShardedReader(index: index(map)).warnings
        == ["weights/model-00007-of-00009.safetensors is not in model.safetensors.index.json, and not read"])
  }

  @Test("is refused when a shard is missing")
  func missingShard() throws {
    try shard(one, ["a", "b"])
    #expect(refuses(.missingShard, goodMap)?.expected == directory.path(two))
  }

  /// What the reader says about an index that changes no tensor, having read all of it.
  private func warnings(_ map: String, total: String? = "3") throws -> [String] {
    let reader = try ShardedReader(index: index(map, total: total))
    try checkTensorReader(reader)
    #expect(reader.tensors.map(\.name) == ["a", "b", "c"])
    for name in ["a", "b", "c"] { #expect(try reader.bytes(name) == Array(name.utf8)) }
    return reader.warnings
  }

  @Test("is read without a word where all is well")
  func sound() throws {
    try writeShards()
    for total in ["3", "3.0", "null", nil] { #expect(try warnings(goodMap, total: total) == []) }
  }

  @Test("warns when the index names tensors that are nowhere")
  func ghost() throws {
    try writeShards()
    let ghosts = (0..<5).map { #","ghost\#($0)":"\#(one)""# }
    #expect(try warnings(goodMap + ghosts[0]) == ["the index names what no shard holds: ghost0"])
    #expect(
      try warnings(goodMap + ghosts.joined())
        == ["the index names what no shard holds: ghost0, ghost1, ghost2 and 2 more"])
  }

  @Test("warns when the index leaves a tensor out, and reads it")
  func unmapped() throws {
    try writeShards()
    #expect(
      try warnings(#""a":"\#(one)","c":"\#(two)""#) == ["the index does not name what the shards hold: b"])
  }

  @Test("warns when the index names the wrong shard, and reads the right one")
  func wrongShard() throws {
    try writeShards()
    #expect(
      try warnings(#""a":"\#(one)","b":"\#(two)","c":"\#(two)""#)
        == ["the index names another shard than the one that holds: b"])
  }

  @Test("is refused when two shards hold the same tensor")
  func duplicate() throws {
    try shard(one, ["a", "b"])
    try shard(two, ["b", "c"])
    #expect(refuses(.duplicateAcrossShards, goodMap)?.tensor == "b")
  }

  @Test("warns when the total size is wrong", arguments: ["2", "4", "0", "17671135232"])
  func totalSize(_ total: String) throws {
    try writeShards()
    #expect(
      try warnings(goodMap, total: total)
        == ["metadata.total_size of the index is \(total), the tensors have 3 bytes"])
  }

  @Test("warns when the total size is no number of bytes", arguments: ["-3", "3.5", "\"3\"", "1e400"])
  func totalSizeType(_ total: String) throws {
    try writeShards()
    #expect(
      try warnings(goodMap, total: total) == ["metadata.total_size of the index is no number of bytes"])
  }

  @Test("warns when a shard lies about that the index does not know")
  func stray() throws {
    try writeShards()
    try shard("other.safetensors", ["x"])
    try shard("model.fp16-00001-of-00001.safetensors", ["x"])
    #expect(try warnings(goodMap) == [])
    try shard("model-00003-of-00003.safetensors", ["a"])
    #expect(
      try warnings(goodMap) == ["model-00003-of-00003.safetensors is not in model.safetensors.index.json, and not read"]
    )
  }

  @Test("without an index is refused, and the index is named", arguments: [1, 2])
  func noIndex(_ count: Int) throws {
    try shard(one, ["a", "b"])
    if count == 2 { try shard(two, ["c"]) }
    let error = expectProblem(.missingIndex) { try FormatRegistry.open(directory.path) }
    #expect(error?.expected == "model.safetensors.index.json")
    #expect(error?.found == [one, two].prefix(count).joined(separator: ", "))
    #expect(error?.remedy?.contains("fetch model.safetensors.index.json") == true)
  }

  @Test("of one file needs no index")
  func onlyShard() throws {
    try shard("model-00001-of-00001.safetensors", ["a"])
    #expect(try FormatRegistry.open(directory.path).tensors.map(\.name) == ["a"])
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

  @Test("may have links to files elsewhere, as a local copy of a cache has, and names one that leads nowhere")
  func links() throws {
    try writeShards()
    _ = directory.makeDirectory("hub/models--o--m/blobs")
    let inner = directory.makeDirectory("inner")
    #expect(rename(directory.path(one), directory.path("hub/models--o--m/blobs/0a")) == 0)
    directory.link("inner/\(one)", to: "../hub/models--o--m/blobs/0a")
    directory.link("inner/\(two)", to: "../\(two)")
    let path = directory.write("inner/model.safetensors.index.json", #"{"weight_map":{\#(goodMap)}}"#)
    let reader = try ShardedReader(index: path)
    try checkTensorReader(reader)
    #expect(reader.files == ["\(inner)/\(one)", "\(inner)/\(two)"])
    #expect(unlink(directory.path(two)) == 0)
    let error = expectProblem(.missingShard) { try ShardedReader(index: path) }
    #expect(error?.expected == "\(inner)/\(two)")
    #expect(error?.found == "a link that leads nowhere")
  }

  @Test("is refused when a link leads to what holds no tensors", arguments: ["/dev/null", "/proc", "text"])
  func linkToOther(_ target: String) throws {
    try writeShards()
    directory.write("text", "root:x:0:0:root:/root:/bin/sh")
    #expect(unlink(directory.path(two)) == 0)
    directory.link(two, to: target)
    let path = index(goodMap)
    #expect(throws: HybridizeError.self) { try ShardedReader(index: path) }
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
