import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("an HDF5 checkpoint")
struct HDF5LayoutTests {
  private let directory = TemporaryDirectory()

  static let families = ["llama", "mistral", "qwen2", "qwen3", "gpt2"]

  /// The two have the same tensors under the same names.
  private func expectSame(_ reader: any TensorReader, _ expected: any TensorReader) throws {
    #expect(reader.tensors.map(\.name).sorted() == expected.tensors.map(\.name).sorted())
    for tensor in expected.tensors {
      #expect(reader.descriptor(named: tensor.name) == tensor)
      #expect(try reader.bytes(tensor.name) == expected.bytes(tensor.name), "\(tensor.name)")
    }
  }

  @Test("of KerasHub has the tensors of the model that it was made from", arguments: families)
  func preset(_ family: String) throws {
    let reader = try FormatRegistry.open(HDF5Fixtures.path("keras/\(family)"))
    #expect(reader.formatName == "hdf5")
    try checkTensorReader(reader)
    try expectSame(reader, try SafetensorsReader(HDF5Fixtures.path("keras/\(family).safetensors")))
  }

  @Test("of Keras may be in shards or in an archive", arguments: ["sharded.weights.json", "deflated.keras"])
  func otherContainers(_ name: String) throws {
    let path = HDF5Fixtures.path("keras/\(name)")
    let reader = try FormatRegistry.open(path)
    #expect(reader.path == path)
    #expect(reader.files.count == (name.hasSuffix("json") ? 2 : 1))
    try checkTensorReader(reader)
    try expectSame(reader, try SafetensorsReader(HDF5Fixtures.path("keras/llama.safetensors")))
  }

  private static let tensorFlow: [(name: String, shape: Shape, isTransposed: Bool)] = [
    ("transformer.wte.weight", [12, 8], false), ("transformer.wpe.weight", [6, 8], false),
    ("transformer.h.0.ln_1.weight", [8], false), ("transformer.h.0.ln_1.bias", [8], false),
    ("transformer.h.0.attn.c_attn.weight", [8, 24], false), ("transformer.h.0.attn.c_attn.bias", [24], false),
    ("transformer.h.11.mlp.c_fc.weight", [8, 32], false), ("transformer.h.11.proj.weight", [8, 6], true),
  ]

  @Test("of a TensorFlow model has PyTorch's names and shapes", arguments: ["tf_model.h5", "tf"])
  func tensorFlow(_ name: String) throws {
    let reader = try FormatRegistry.open(HDF5Fixtures.path(name))
    try checkTensorReader(reader)
    #expect(reader.tensors.count == Self.tensorFlow.count)
    for (seed, expected) in Self.tensorFlow.enumerated() {
      #expect(reader.descriptor(named: expected.name)?.shape == expected.shape, "\(expected.name)")
      var values = HDF5Fixtures.values(seed, try expected.shape.elementCount())
      if expected.isTransposed {
        let (rows, columns) = (expected.shape.dimensions[1], expected.shape.dimensions[0])
        values = (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
      }
      #expect(HDF5Fixtures.numbers(try reader.bytes(expected.name), .float32) == values, "\(expected.name)")
    }
  }

  @Test(
    "has kernels the other way round, also larger than the block that is read at once",
    arguments: [
      (3, 1_100_000), (1_100_000, 2), (1100, 1000),
    ])
  func largeKernels(_ rows: Int, _ columns: Int) throws {
    let numbers = (0..<rows * columns).map { UInt32(truncatingIfNeeded: $0) }
    let bytes = HDF5Bytes.file { file in
      let data = file.append(data: numbers.withUnsafeBytes { Array($0) })
      let kernel = file.append([
        HDF5Bytes.space([rows, columns]), HDF5Bytes.float32, HDF5Bytes.contiguous(data, 4 * rows * columns),
      ])
      return [HDF5Bytes.text("layer_names", "kernel"), HDF5Bytes.link("kernel", kernel)]
    }
    let reader = try FormatRegistry.open(directory.write("large.h5", bytes))
    let tensor = try reader.tensor(named: "weight")
    #expect(tensor.shape == [columns, rows])
    let expected = (0..<columns).flatMap { column in (0..<rows).map { UInt32($0 * columns + column) } }
    #expect(expected.withUnsafeBytes { $0.elementsEqual(tensor.bytes) })
    // A piece that begins and ends within rows and within elements.
    var piece = [UInt8](repeating: 0, count: tensor.bytes.count / 2 + 3)
    let start = tensor.bytes.count / 3 + 1
    try piece.withUnsafeMutableBytes { try reader.read("weight", range: start..<start + $0.count, into: $0) }
    #expect(piece.elementsEqual(tensor.bytes[start..<start + piece.count]))
    withExtendedLifetime(tensor) {}
  }

  @Test("of Keras 2 has the names that it lists", arguments: ["keras2-weights.h5", "keras2-model.h5"])
  func keras2(_ name: String) throws {
    let reader = try FormatRegistry.open(HDF5Fixtures.path(name))
    try checkTensorReader(reader)
    #expect(reader.tensors.map(\.name).sorted() == ["dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"])
    #expect(HDF5Fixtures.numbers(try reader.bytes("dense_1/kernel"), .float32) == HDF5Fixtures.values(1, 12))
    #expect(reader.descriptor(named: "dense/bias")?.elementType == .bfloat16)
    #expect(HDF5Fixtures.numbers(try reader.bytes("dense/bias"), .bfloat16) == HDF5Fixtures.values(10, 4))
  }

  @Test("in our own layout has any names, and metadata")
  func flat() throws {
    let reader = try FormatRegistry.open(HDF5Fixtures.path("flat.h5"))
    try checkTensorReader(reader)
    let names = ["model.layers.0.weight", "a/b", ".", "", "dä😀", "100%\0", ".."]
    #expect(Set(reader.tensors.map(\.name)) == Set(names))
    for (seed, name) in names.enumerated() {
      #expect(HDF5Fixtures.numbers(try reader.bytes(name), .float32) == HDF5Fixtures.values(seed, 6), "\(name)")
    }
    #expect(reader.metadata.map(\.key) == ["format", "note"])
    #expect(reader.metadata.map(\.value) == ["pt", "x"])
  }

  @Test("in our own layout has one dataset name for every tensor name", arguments: UInt64(0)..<50)
  func flatNames(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "flat names")
    let characters: [Character] = ["a", ".", "/", "%", "\0", "2", "5", "F", "E", "0", "é", "e\u{301}", "\n"]
    let name = String((0..<random.index(below: 8)).map { _ in characters[random.index(below: characters.count)] })
    let dataset = FlatLayout.datasetName(name)
    #expect(!dataset.isEmpty && dataset != "." && !dataset.utf8.contains { $0 == 0x2F || $0 == 0 })
    #expect(FlatLayout.tensorName(dataset).map { UTF8Key($0) } == UTF8Key(name))
  }

  @Test("in our own layout is refused for a name that is none", arguments: ["a%2", "%41", "%2f", "x%2E", "%%"])
  func badFlatNames(_ name: String) {
    #expect(FlatLayout.tensorName(name) == nil)
  }

  @Test("of no known layout has the paths of its datasets as names")
  func unknown() throws {
    let reader = try FormatRegistry.open(HDF5Fixtures.path("groups-new.h5"))
    try checkTensorReader(reader)
    #expect(reader.descriptor(named: "wide/group07/value") != nil)
    #expect(reader.descriptor(named: "hard")?.shape == [1], "a second link is a tensor of its own")
  }

  @Test("is known by its signature, whatever it is called, and behind a user block")
  func recognised() throws {
    for name in ["user-block.h5", "types-new.h5"] {
      let path = directory.write("anything", try HDF5Fixtures.bytes(name))
      #expect(try FormatRegistry.open(path).formatName == "hdf5")
    }
    let text = directory.write("broken.h5", "this is no HDF5")
    expectProblem(.hdf5NoSignature) { try FormatRegistry.open(text) }
  }

  @Test("of a directory is the only one in it")
  func ambiguous() throws {
    directory.write("model.weights.h5", try HDF5Fixtures.bytes("flat.h5"))
    directory.write("task.weights.h5", try HDF5Fixtures.bytes("flat.h5"))
    #expect(try FormatRegistry.open(directory.path).tensors.count == 7)
    directory.write("other.h5", try HDF5Fixtures.bytes("flat.h5"))
    let error = expectProblem(.ambiguousCheckpoint) { try FormatRegistry.open(directory.path) }
    #expect(error?.found == "model.weights.h5, other.h5")
  }

  // MARK: Rules

  @Test("of a family is named by rules that work both ways", arguments: families)
  func rules(_ modelType: String) throws {
    let family = try #require(KerasHubFamily.all.first { $0.modelType == modelType })
    var seen = Set<String>()
    for rule in family.rules {
      for (part, path) in rule.keras.enumerated() {
        for position in [0, 1, 11] {
          let found = try #require(family.match(keras: path.replacing("{}", with: family.group(at: position))))
          #expect(found.rule.keras == rule.keras && found.part == part)
          #expect(found.layer == (path.contains("{}") ? position : nil))
        }
      }
      let name = rule.huggingFace.replacing("{}", with: "7")
      let found = try #require(family.match(huggingFace: name))
      #expect(found.rule.huggingFace == rule.huggingFace && found.rule.form == rule.form)
      #expect(found.layer == (rule.huggingFace.contains("{}") ? 7 : nil))
      seen.insert(rule.huggingFace)
    }
    #expect(seen.count >= 12)
    for name in ["model.layers.07.input_layernorm.weight", "model.layers.x.input_layernorm.weight", "model", ""] {
      #expect(family.match(huggingFace: name) == nil, "\(name)")
    }
  }

  // MARK: Faults

  @Test("with a list of names is refused where list and file disagree")
  func names() throws {
    func file(_ names: String, _ weights: String) -> [UInt8] {
      HDF5Bytes.file { file in
        let data = file.append(data: Array(0..<16))
        let weight = file.append([HDF5Bytes.space([4]), HDF5Bytes.float32, HDF5Bytes.contiguous(data, 16)])
        let layer = file.append([HDF5Bytes.text("weight_names", weights), HDF5Bytes.link("w", weight)])
        return [HDF5Bytes.text("layer_names", names), HDF5Bytes.link("layer", layer)]
      }
    }
    let good = try FormatRegistry.open(directory.write("good.h5", file("layer", "w")))
    #expect(good.tensors.map(\.name) == ["w"])
    for (layers, weights, problem) in [
      ("other", "w", Problem.hdf5MissingWeight), ("layer", "v", .hdf5MissingWeight),
    ] {
      expectProblem(problem) { try FormatRegistry.open(directory.write("bad.h5", file(layers, weights))) }
    }
    let unnamed = HDF5Bytes.file { file in
      let data = file.append(data: Array(0..<16))
      let weight = file.append([HDF5Bytes.space([4]), HDF5Bytes.float32, HDF5Bytes.contiguous(data, 16)])
      let layer = file.append([HDF5Bytes.link("w", weight)])
      return [HDF5Bytes.text("layer_names", "layer"), HDF5Bytes.link("layer", layer)]
    }
    let error = expectProblem(.hdf5UnnamedWeight) { try FormatRegistry.open(directory.write("unnamed.h5", unnamed)) }
    #expect(error?.tensor == "/layer/w")
  }

  @Test("in shards is refused where index and shards disagree")
  func shards() throws {
    for name in ["sharded_00000.weights.h5", "sharded_00001.weights.h5"] {
      directory.write(name, try HDF5Fixtures.bytes("keras/\(name)"))
    }
    let text = String(decoding: try HDF5Fixtures.bytes("keras/sharded.weights.json"), as: UTF8.self)
    func open(_ from: String, _ to: String) throws -> any TensorReader {
      #expect(from.isEmpty || text.contains(from))
      return try FormatRegistry.open(directory.write("sharded.weights.json", text.replacing(from, with: to)))
    }
    _ = try open("\"weight_map\"", "\"weight_map\"")
    expectProblem(.shardPathEscapes) { try open("\"sharded_00000.weights.h5\"", "\"../sharded_00000.weights.h5\"") }
    expectProblem(.missingShard) { try open("sharded_00001", "sharded_00002") }
    expectProblem(.missingField) { try open("weight_map", "weights") }
    expectProblem(.unmappedTensor) { try open("/layers/llama_layer_norm/vars", "/layers/other/vars") }
    expectProblem(.jsonSyntax) { try FormatRegistry.open(directory.write("bad.weights.json", "{")) }
  }
}
