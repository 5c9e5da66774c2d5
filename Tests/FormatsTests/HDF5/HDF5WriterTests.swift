import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A model to be written: its tensors, and its configuration.
struct WrittenModel: CustomTestStringConvertible {
  let name: String
  let weights: String
  let configuration: String
  var testDescription: String { name }

  static let recall = WrittenModel(
    name: "recall-llama-6m", weights: Fixtures.model + "/model.safetensors",
    configuration: Fixtures.model + "/config.json")

  static let families = HDF5LayoutTests.families.map { family in
    WrittenModel(
      name: family, weights: HDF5Fixtures.path("keras/\(family).safetensors"),
      configuration: HDF5Fixtures.path("keras/\(family)/config.json"))
  }

  func reader() throws -> SafetensorsReader { try SafetensorsReader(weights) }

  /// In Hugging Face's words.
  func object() throws -> JSONObject {
    let object = try #require(
      try JSONCursor.parse(try FileSystem.read(configuration, limit: 1 << 20)).objectValue)
    return try KerasHubConfiguration.huggingFace(object) ?? object
  }
}

@Suite("writing HDF5")
struct HDF5WriterTests {
  private let directory = TemporaryDirectory()

  /// Writes all tensors of `reader` and gives the path of what was written.
  @discardableResult
  private func write(
    _ reader: any TensorReader, _ name: String, _ options: HDF5Options, _ configuration: JSONObject? = nil,
    pieceSize: Int = 8 << 20
  ) throws -> String {
    let path = options.layout == .kerasHub ? directory.makeDirectory(name) : directory.path(name)
    let writer = try HDF5Output.writer(
      path, tensors: reader.tensors, metadata: reader.metadata, options: options, configuration: configuration)
    #expect(writer.tensors == reader.tensors)
    for tensor in writer.tensors { try writer.copy(tensor.name, from: reader, pieceSize: pieceSize) }
    for file in try writer.finish() {
      #expect(file.byteCount == (try FileSystem.size(file.path)))
      #expect(file.sha256 == (try SHA256.hash(file: file.path)))
    }
    return path
  }

  private func expectSame(_ path: String, _ expected: any TensorReader) throws {
    let reader = try FormatRegistry.open(path)
    // The checker reads everything several times.
    if expected.tensors.reduce(0, { $0 + $1.byteCount }) < 1 << 20 { try checkTensorReader(reader) }
    #expect(reader.tensors.map(\.name).sorted() == expected.tensors.map(\.name).sorted())
    for tensor in expected.tensors {
      #expect(reader.descriptor(named: tensor.name) == tensor)
      #expect(try reader.bytes(tensor.name) == expected.bytes(tensor.name), "\(tensor.name)")
    }
  }

  static let layouts: [(HDF5Options.Layout, WrittenModel)] =
    HDF5Options.Layout.allCases.filter { $0 != .tensorFlow }.flatMap { layout in
      ([.recall] + WrittenModel.families).map { (layout, $0) }
    } + WrittenModel.families.filter { ["gpt2", "mistral"].contains($0.name) }.map { (.tensorFlow, $0) }

  // MARK: Round trips

  @Test("a model comes back from every layout as it was", arguments: layouts)
  func roundTrip(_ layout: HDF5Options.Layout, _ model: WrittenModel) throws {
    let source = try model.reader()
    let configuration = try model.object()
    let path = try write(source, "out.h5", HDF5Options(layout: layout), configuration)
    try expectSame(path, source)
    #expect(directory.entries() == ["out.h5"])
    if layout == .kerasHub {
      #expect(directory.entries("out.h5") == ["config.json", "metadata.json", "model.weights.h5"])
    }
  }

  static let packings: [(HDF5Options.Compression, shuffles: Bool)] = [
    (.none, false), (.none, true), (.deflate(level: 1), true), (.zstandard(level: 1), true),
    (.zstandard(level: 1), false),
  ]

  @Test("packed, with a checksum, in small pieces and in small blocks a model comes back as well", arguments: packings)
  func packed(_ compression: HDF5Options.Compression, _ shuffles: Bool) throws {
    for (layout, model) in [
      (HDF5Options.Layout.flat, WrittenModel.recall), (.keras3, .recall), (.keras3, .families[4]),
    ] {
      var options = HDF5Options(
        layout: layout, compression: compression, shuffles: shuffles, hasChecksums: shuffles)
      options.blockBytes = 5000
      let source = try model.reader()
      let name = "\(layout)-\(model.name).h5"
      try write(source, name, options, try model.object(), pieceSize: 4099)
      try expectSame(directory.path(name), source)
      if compression != .none, model.name == WrittenModel.recall.name, shuffles {
        #expect(directory.bytes(name).count < (try FileSystem.size(model.weights)) * 9 / 10)
      }
    }
  }

  /// A file of random bytes.
  private func random(_ tensors: [(name: String, type: ElementType, shape: Shape)]) throws -> SafetensorsReader {
    var descriptors: [TensorDescriptor] = []
    for (name, type, shape) in tensors {
      descriptors.append(try TensorDescriptor(name: name, elementType: type, shape: shape))
    }
    let path = directory.path("source.safetensors")
    let writer = try SafetensorsWriter(
      path, tensors: descriptors, metadata: [("format", "pt"), ("nöte", "a \"b\"\n")], replacing: true)
    var random = SeededGenerator(seed: 3, stream: "HDF5 writer")
    for tensor in writer.tensors {
      // Booleans are 0 or 1; of the rest every pattern is a value, also those that are not a number.
      let mask: UInt8 = tensor.elementType == .bool ? 1 : 0xFF
      let bytes = (0..<tensor.byteCount).map { _ in UInt8(random.index(below: 256)) & mask }
      try bytes.withUnsafeBytes { try writer.append($0, to: tensor.name) }
    }
    _ = try writer.finish()
    return try SafetensorsReader(path)
  }

  private static let types: [ElementType] = [
    .bool, .uint8, .int8, .uint16, .int16, .float16, .bfloat16, .uint32, .int32, .float32, .uint64, .int64, .float64,
  ]

  private static let names = [
    "", ".", "..", "a/b", "/", "%", "%2F", "a%", "model.layers.0.weight", "dä😀", "e\u{301}", "é", "\n", "zero\0zero",
    "hybridize_layout", String(repeating: "long/", count: 1000),
  ]

  static let compressions: [HDF5Options.Compression] = [.none, .deflate(level: 6), .zstandard(level: 3)]

  @Test("the flat layout keeps every type, shape and name, and metadata", arguments: compressions)
  func flat(_ compression: HDF5Options.Compression) throws {
    let shapes: [Shape] = [[], [0], [3, 0, 2], [1], [7], [2, 3, 5], [700, 3, 301], [3, 400_001]]
    var tensors: [(name: String, type: ElementType, shape: Shape)] = Self.names.map { ($0, .int16, [3]) }
    for type in Self.types {
      for shape in shapes.prefix(type == .float32 || type == .uint8 ? 8 : 6) {
        tensors.append(("\(type.rawValue) \(shape)", type, shape))
      }
    }
    let source = try random(tensors)
    let path = try write(source, "flat.h5", HDF5Options(compression: compression, hasChecksums: true))
    try expectSame(path, source)
    let reader = try FormatRegistry.open(path)
    #expect(reader.metadata.map(\.key) == source.metadata.map(\.key))
    #expect(reader.metadata.map(\.value) == source.metadata.map(\.value))
  }

  @Test("lists of names that do not fit an attribute are split")
  func longLists() throws {
    let tensors = (0..<700).map { number in
      (
        name: "model.\(String(repeating: "x", count: 200)).\(number).weight", type: ElementType.int8,
        shape: [1] as Shape
      )
    }
    let source = try random(tensors)
    let path = try write(source, "long.h5", HDF5Options(layout: .keras2))
    try expectSame(path, source)
    let root = try HDF5File(path).root.attributes
    #expect(root.names == ["backend", "keras_version", "layer_names0", "layer_names1", "layer_names2"])
    expectProblem(.hdf5NameTooLong) {
      let name = String(repeating: "y", count: 65_000)
      try write(try random([(name + ".weight", .int8, [1])]), "longer.h5", HDF5Options(layout: .keras2))
    }
  }

  // MARK: What others write

  @Test("KerasHub's own datasets are written", arguments: WrittenModel.families)
  func sameAsKerasHub(_ model: WrittenModel) throws {
    let path = try write(
      try model.reader(), "out", HDF5Options(layout: .kerasHub), try model.object())
    let written = try HDF5File(path + "/model.weights.h5")
    let theirs = try HDF5File(HDF5Fixtures.path("keras/\(model.name)/model.weights.h5"))
    #expect(written.datasets.map(\.path).sorted() == theirs.datasets.map(\.path).sorted())
    for object in theirs.datasets {
      let (expected, found) = (try #require(object.dataset), try #require(written.object(at: object.path)?.dataset))
      #expect(found.shape == expected.shape && found.elementType == expected.elementType, "\(object.path)")
      #expect(
        try written.bytes(found, 0..<found.byteCount) == theirs.bytes(expected, 0..<expected.byteCount),
        "\(object.path)")
    }
    let decoder = try #require(theirs.objects.first { $0.path.hasSuffix("decoder_1/vars") })
    #expect(written.object(at: decoder.path)?.attributes.string("name") == "transformer_layer_1")
  }

  @Test("a preset has KerasHub's own configuration", arguments: WrittenModel.families)
  func sameConfiguration(_ model: WrittenModel) throws {
    let theirs = try #require(
      try JSONCursor.parse(try FileSystem.read(model.configuration, limit: 1 << 20)).objectValue)
    let ours = try KerasHubConfiguration.keras(try model.object(), elementType: .float32)
    for key in ["module", "class_name", "registered_name"] { #expect(ours[key] == theirs[key]) }
    var arguments = try #require(ours["config"]?.objectValue)
    for (key, value) in try #require(theirs["config"]?.objectValue).members {
      let found = arguments[key]
      #expect(found == value || found?.doubleValue == value.doubleValue && value.doubleValue != nil, "\(key)")
      arguments[key] = nil
    }
    // KerasHub forgets to save this one of its Llama, but takes it.
    #expect(arguments.keys == (model.name == "llama" ? ["tie_word_embeddings"] : []))
  }

  @Test("bfloat16 is Keras' in Keras' layouts and a number in the others")
  func bfloat16() throws {
    let source = try WrittenModel.recall.reader()
    let configuration = try WrittenModel.recall.object()
    for layout in [HDF5Options.Layout.flat, .keras2, .keras3] {
      let file = try HDF5File(try write(source, "\(layout).h5", HDF5Options(layout: layout), configuration))
      for object in file.datasets {
        #expect(object.attributes.string("dtype") == (layout == .flat ? nil : "bfloat16"))
      }
    }
  }

  @Test("a TensorFlow model has the names of Transformers")
  func tensorFlowNames() throws {
    let gpt2 = WrittenModel.families[4]
    let file = try HDF5File(try write(try gpt2.reader(), "tf_model.h5", HDF5Options(layout: .tensorFlow)))
    let prefix = "/transformer/tfgpt2lm_head_model/transformer"
    #expect(file.object(at: "\(prefix)/h_._1/attn/c_attn/bias:0")?.dataset?.shape == [1, 24])
    for name in ["wte/embeddings:0", "ln_f/gamma:0", "h_._0/ln_1/beta:0", "h_._0/mlp/c_proj/weight:0"] {
      #expect(file.object(at: "\(prefix)/\(name)")?.dataset != nil, "\(name)")
    }
    #expect(file.root.attributes.strings("layer_names") == ["transformer"])
  }

  // MARK: Bytes

  @Test("the same inputs give the same bytes", arguments: layouts.filter { $0.1.name == "gpt2" }, compressions)
  func deterministic(_ input: (HDF5Options.Layout, WrittenModel), _ compression: HDF5Options.Compression) throws {
    let options = HDF5Options(layout: input.0, compression: compression)
    let (source, configuration) = (try input.1.reader(), try input.1.object())
    let first = try write(source, "first.h5", options, configuration)
    let second = try write(source, "second.h5", options, configuration, pieceSize: 100)
    let names = FileSystem.isDirectory(first) ? ["config.json", "metadata.json", "model.weights.h5"] : [""]
    for name in names {
      #expect(directory.bytes("first.h5/\(name)") == directory.bytes("second.h5/\(name)") || name.isEmpty)
    }
    if names == [""] { #expect(try FileSystem.read(first, limit: .max) == FileSystem.read(second, limit: .max)) }
  }

  @Test("data that lies in one piece can be mapped as numbers")
  func aligned() throws {
    let path = try write(try WrittenModel.recall.reader(), "flat.h5", HDF5Options())
    for object in try HDF5File(path).datasets {
      guard let dataset = object.dataset, dataset.byteCount >= 1024 else { continue }
      #expect(try #require(dataset.extents.first).lowerBound % 64 == 0)
    }
  }

  // MARK: Refusals

  @Test("without libhdf5, or with a library that is another, the error names the package")
  func missingLibrary() {
    let error = expectProblem(.hdf5LibraryMissing) { try HDF5Library(names: ["libhdf5-that-is-not-there.so"]) }
    #expect(error?.category == .output)
    #expect(error?.found?.contains("libhdf5-that-is-not-there.so") == true)
    #expect(error?.remedy?.contains("libhdf5-103-1") == true)
    let other = expectProblem(.hdf5LibraryMissing) { try HDF5Library(names: ["libz.so.1", "libz.1.dylib"]) }
    #expect(other?.remedy != nil)
  }

  static let refused: [(HDF5Options.Layout, String, ElementType, Problem)] = [
    (.flat, "t", .float8E4M3, .hdf5NoSuchType), (.flat, "t", .complex64, .hdf5NoSuchType),
    (.keras2, "a//b", .int8, .hdf5NoPlace), (.keras2, "a/./b", .int8, .hdf5NoPlace),
    (.keras2, "a\0b", .int8, .hdf5NoPlace), (.keras2, "h_._0", .int8, .hdf5NoPlace),
    (.keras2, "top_level_model_weights.a", .int8, .hdf5NoPlace), (.tensorFlow, "other.weight", .float32, .hdf5NoPlace),
    (.tensorFlow, "model.layers.0.self_attn.q_proj.bias", .float32, .hdf5NoPlace),
    (.keras3, "model.layers.0.linear_attn.q_proj.weight", .float32, .hdf5NoPlace),
    (.keras3, "model.layers.0.self_attn.q_proj.weight", .float32, .hdf5WrongShape),
    (.kerasArchive, "model.norm.weight", .int8, .kerasHubNoCounterpart),
  ]

  @Test("a tensor that the layout cannot hold is refused before anything is there", arguments: refused)
  func misplaced(_ layout: HDF5Options.Layout, _ name: String, _ type: ElementType, _ problem: Problem) throws {
    let tensor = try TensorDescriptor(name: name, elementType: type, shape: [2])
    let configuration = try WrittenModel.recall.object()
    let error = expectProblem(problem) {
      try HDF5Output.writer(
        directory.path("out"), tensors: [tensor], options: HDF5Options(layout: layout), configuration: configuration)
    }
    #expect(error?.category == .output || problem == .hdf5WrongShape)
    #expect(error?.tensor == name || problem == .kerasHubNoCounterpart)
    #expect(directory.entries() == [])
  }

  static let unknownModels: [(String, JSONValue)] = [
    ("model_type", .string("hybridize")), ("hidden_act", .string("gelu")), ("attention_bias", .bool(true)),
    ("mlp_bias", .bool(true)), ("head_dim", .integer(32)), ("rope_scaling", .object(["rope_type": .string("yarn")])),
    ("num_attention_heads", .integer(0)),
  ]

  @Test("a model that KerasHub cannot compute is refused", arguments: unknownModels)
  func unknownModel(_ field: String, _ value: JSONValue) throws {
    var configuration = try WrittenModel.recall.object()
    configuration[field] = value
    #expect(throws: HybridizeError.self) {
      try HDF5Output.writer(
        directory.makeDirectory("out"), tensors: try WrittenModel.recall.reader().tensors,
        options: HDF5Options(layout: .kerasHub), configuration: configuration)
    }
    #expect(directory.entries("out") == [])
  }

  @Test("a layout that goes by the configuration wants one, and a preset a directory")
  func arguments() throws {
    let tensors = try WrittenModel.recall.reader().tensors
    for layout in HDF5Options.Layout.allCases where layout.needsConfiguration {
      expectProblem(.badArgument) {
        try HDF5Output.writer(directory.path, tensors: tensors, options: HDF5Options(layout: layout))
      }
    }
    expectProblem(.badArgument) {
      try HDF5Output.writer(
        directory.path("file"), tensors: tensors, options: HDF5Options(layout: .kerasHub),
        configuration: try WrittenModel.recall.object())
    }
    #expect(directory.entries() == [])
  }

  @Test("what is there stays, and a writer that is dropped leaves nothing", arguments: compressions)
  func exists(_ compression: HDF5Options.Compression) throws {
    let source = try WrittenModel.families[0].reader()
    let options = HDF5Options(compression: compression)
    directory.write("out.h5", "old")
    expectProblem(.outputExists) { try write(source, "out.h5", options) }
    #expect(directory.bytes("out.h5") == Array("old".utf8))
    do {
      let writer = try HDF5Output.writer(
        directory.path("out.h5"), tensors: source.tensors, options: options, replacing: true)
      try writer.copy(writer.tensors[0].name, from: source)
      expectProblem(.tensorOutOfOrder) { try writer.copy(writer.tensors[0].name, from: source) }
      expectProblem(.tensorSizeWrong) { try writer.finish() }
    }
    #expect(directory.entries() == ["out.h5"])
    let writer = try HDF5Output.writer(
      directory.path, tensors: source.tensors, options: options, replacing: true)
    for tensor in source.tensors { try writer.copy(tensor.name, from: source) }
    #expect(try writer.finish().map(\.path) == [directory.path("model.h5")])
  }

  /// In a process of its own, because the limit holds for a whole process.
  @Test("a full disk is an error in the system's words, and leaves nothing")
  func fullDisk() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 65536, rlim_max: 65536)
      #if canImport(Glibc)
        let kind = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
      #else
        let kind = RLIMIT_FSIZE
      #endif
      guard setrlimit(kind, &limit) == 0 else { exit(10) }
      let parent = TemporaryDirectory()
      let tensors = [
        try TensorDescriptor(name: "small", elementType: .uint8, shape: []),
        try TensorDescriptor(name: "t", elementType: .uint8, shape: [100_000]),
      ]
      var random = SeededGenerator(seed: 1, stream: "full disk")
      let bytes = (0..<100_000).map { _ in UInt8(random.index(below: 256)) }
      for compression in HDF5WriterTests.compressions {
        let error = expectProblem(.cannotWrite) {
          let writer = try HDF5Output.writer(
            parent.path("out.h5"), tensors: tensors, options: HDF5Options(compression: compression))
          try [7].withUnsafeBytes { try writer.append(UnsafeRawBufferPointer(rebasing: $0.prefix(1)), to: "small") }
          try bytes.withUnsafeBytes { try writer.append($0, to: "t") }
          return try writer.finish()
        }
        guard error?.found == "File too large", error?.file == parent.path("out.h5") else { exit(11) }
        guard parent.entries() == [] else { exit(12) }
      }
    }
  }
}
