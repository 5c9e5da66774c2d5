import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("inspection")
struct InspectionTests {
  let scratch = TemporaryDirectory()

  // The fixture: hidden 256, 4 heads of 64 on 2, feed-forward 512, vocabulary 4096, 8 layers, tied head.
  static let shared = 2 * 256 + 3 * 512 * 256
  static let softmaxLayer = 2 * 256 * 256 + 2 * 128 * 256 + shared
  /// Beside the projections of softmax attention: a gate, decay and beta, two values a head, a norm.
  static let deltaLayer = softmaxLayer + 256 * 256 + 2 * 4 * 256 + 2 * 4 + 64
  static let rest = 4096 * 256 + 256
  /// float32 keys and values of two heads.
  static let cacheBytes = 2 * 2 * 64 * 4
  /// A float32 matrix a head.
  static let stateBytes = 4 * 64 * 64 * 4

  @Test("parameters, bytes and caches of the fixture are those worked out by hand")
  func fixture() throws {
    let inspection = try Inspection(Fixtures.model)
    #expect(inspection.format == "safetensors")
    #expect(inspection.files == [Fixtures.model + "/model.safetensors"])
    #expect(inspection.tensors.count == 8 * 9 + 2)
    #expect(inspection.parameters == 8 * Self.softmaxLayer + Self.rest)
    #expect(inspection.bytes == 2 * inspection.parameters)
    let model = try #require(inspection.model)
    #expect(model.weightBytes == inspection.bytes)
    #expect(model.cacheBytesPerToken == 8 * Self.cacheBytes)
    #expect(model.fixedStateBytes == 0)
    #expect(model.stateBytes(tokens: 1000) == 8000 * Self.cacheBytes)
    for (index, layer) in model.layers.enumerated() {
      #expect(layer.index == index && layer.mixer == "softmax-attention")
      #expect(layer.heads == 4 && layer.keyValueHeads == 2)
      #expect(layer.parameters == Self.softmaxLayer && layer.bytes == 2 * Self.softmaxLayer)
      #expect(layer.breakEvenContext == Self.stateBytes / Self.cacheBytes)
    }
  }

  @Test("parameters, bytes and states of the hybrid are those worked out by hand")
  func hybrid() throws {
    let inspection = try Inspection(Fixtures.hybrid)
    #expect(inspection.parameters == 2 * Self.softmaxLayer + 6 * Self.deltaLayer + Self.rest)
    let model = try #require(inspection.model)
    #expect(model.configuration.keptLayers == [0, 6])
    #expect(model.cacheBytesPerToken == 2 * Self.cacheBytes)
    #expect(model.fixedStateBytes == 6 * Self.stateBytes)
    #expect(model.stateBytes(tokens: 32768) == 2 * 32768 * Self.cacheBytes + 6 * Self.stateBytes)
    for layer in model.layers {
      let isKept = [0, 6].contains(layer.index)
      #expect(layer.mixer == (isKept ? "softmax-attention" : "gated-deltanet"))
      #expect(layer.parameters == (isKept ? Self.softmaxLayer : Self.deltaLayer))
      #expect(layer.memory.elementsPerToken * 4 == (isKept ? Self.cacheBytes : 0))
      #expect(layer.memory.fixedElements * 4 == (isKept ? 0 : Self.stateBytes))
      #expect(layer.breakEvenContext == (isKept ? 64 : nil))
    }
  }

  @Test("what a running model keeps is what was foretold", arguments: [Fixtures.model, Fixtures.hybrid])
  func foretold(_ path: String) throws {
    let summary = try #require(try Inspection(path).model)
    let model = try ModelDirectory(path).load(on: try BackendRegistry.make("cpu", threads: 1))
    let state = model.makeState(capacity: 16)
    try model.forward(Array(1...11), state: state, rows: .none)
    #expect(state.byteCount == summary.stateBytes(tokens: 11))
  }

  @Test("the cache of a window stops growing, and is less than a state where it stays below it")
  func boundedCaches() throws {
    // Windows of one token and of many: 1 + 512 and 4 + 699 + 700 tokens at most, of 2 * 2 * 6 elements.
    let mixers = [(1, 1), (700, 4)].map { window, sinks in
      var options = SlidingWindowAttentionOptions()
      (options.window, options.sinks) = (window, sinks)
      return options
    }
    var pico = try PicoModel(mixers: mixers + [SoftmaxAttentionSpecification()])
    try pico.write(to: scratch)
    let inspection = try Inspection(scratch.path)
    let model = try #require(inspection.model)
    let (perToken, bounds) = (24 * 4, [513, 1403])
    #expect(model.layers.map(\.memory.mostTokens) == bounds + [nil])
    #expect(model.cacheBytesPerToken == perToken && model.fixedStateBytes == 0)
    #expect(model.boundedCacheBytes == (513 + 1403) * perToken)
    for (tokens, rows) in [(0, 0), (500, 1500), (1000, 513 + 2000), (5000, 513 + 1403 + 5000)] {
      #expect(model.stateBytes(tokens: tokens) == rows * perToken, "after \(tokens)")
    }
    #expect(model.layers.map(\.breakEvenContext) == [6, 6, 6])
    let object = inspection.json(contexts: [1000])
    let layers = try #require(object["layers"]?.arrayValue).compactMap(\.objectValue)
    #expect(layers.map { $0["cache_most_tokens"] } == [.integer(513), .integer(1403), .null])
    #expect(object["memory"]?.objectValue?["bounded_cache_bytes"]?.integerValue == model.boundedCacheBytes)
    let text = inspection.text(contexts: [1000])
    for part in ["at most", "96 B a token, at most 179.6 KiB of windows", "48.1 KiB", "131.5 KiB"] {
      #expect(text.contains(part), "\(part) in: \(text)")
    }
    #expect(!(try Inspection(Fixtures.hybrid).text().contains("at most")))

    // Heads so wide that a state is larger than a short window's cache ever is: 1024 tokens.
    pico = try PicoModel(mixers: mixers, fields: ["head_dim": .integer(1024), "num_key_value_heads": .integer(2)])
    try pico.write(to: scratch)
    let wide = try #require(try Inspection(scratch.path).model)
    #expect(wide.layers.map(\.breakEvenContext) == [nil, 1024])
  }

  @Test("the JSON holds memory at the contexts that are asked for")
  func json() throws {
    let object = try Inspection(Fixtures.hybrid).json(contexts: [100, 7])
    let memory = try #require(object["memory"]?.objectValue)
    #expect(memory["weight_bytes"]?.integerValue == object["bytes"]?.integerValue)
    let contexts = try #require(memory["contexts"]?.arrayValue).compactMap(\.objectValue)
    #expect(contexts.map { $0["tokens"]?.integerValue } == [100, 7])
    for context in contexts {
      let tokens = try #require(context["tokens"]?.integerValue)
      let state = 2 * tokens * Self.cacheBytes + 6 * Self.stateBytes
      #expect(context["cache_and_state_bytes"]?.integerValue == state)
      #expect(context["total_bytes"]?.integerValue == state + (object["bytes"]?.integerValue ?? 0))
    }
    let architecture = try #require(object["architecture"]?.objectValue)
    #expect(architecture["converted"] == .array([1, 2, 3, 4, 5, 7].map { .integer($0) }))
  }

  @Test("the text names the model, its layers and its memory")
  func text() throws {
    let text = try Inspection(Fixtures.hybrid).text(contexts: [2048])
    for part in [
      "llama: 8 layers, hidden 256, 4 heads of 64 on 2, feed-forward 512, vocabulary 4096, context 2048, head tied",
      "hybrid: 2 layers kept (0, 6), 6 converted", "2.00 KiB a token", "384.0 KiB of state", "  2,048         4.38 MiB",
    ] {
      #expect(text.contains(part), "\(part) in: \(text)")
    }
  }

  @Test("a file without a config.json shows its tensors alone")
  func tensorsOnly() throws {
    let inspection = try Inspection(Fixtures.path("safetensors/reference.safetensors"))
    #expect(inspection.model == nil)
    let text = inspection.text()
    #expect(text.contains("no config.json beside it"))
    for tensor in inspection.tensors { #expect(text.contains(ErrorText.escape(tensor.name))) }
    #expect(inspection.json()["architecture"] == .null)
    #expect(inspection.json()["memory"] == nil)
  }

  @Test("a checkpoint of a terabyte is inspected by its header alone", .timeLimit(.minutes(5)))
  func headerOnly() throws {
    // Where a file system cannot hold a terabyte of nothing, some gigabytes are telling enough.
    for elements in [1 << 38, 1 << 31] {
      let header = #"{"large.weight":{"dtype":"F32","shape":[\#(elements)],"data_offsets":[0,\#(elements * 4)]}}"#
      let start = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> ($0 * 8)) } + Array(header.utf8)
      let path = scratch.write("large.safetensors", start)
      guard truncate(path, start.count + elements * 4) == 0 else { continue }
      let inspection = try Inspection(path)
      #expect(inspection.parameters == elements)
      #expect(inspection.bytes == 4 * elements)
      #expect(TensorTree(inspection.tensors).text.contains("large.weight"))
      return
    }
    try Test.cancel("the file system has no sparse files")
  }

  @Test("a saved copy of a tied head is not read by an inspection, right or wrong", arguments: [false, true])
  func tiedHead(_ differing: Bool) throws {
    let copy = ModelCopy(in: scratch)
    try copy.addHead(differing: differing)
    #expect(try Inspection(copy.path).tensors.contains { $0.name == "lm_head.weight" })
    let directory = try ModelDirectory(copy.path)
    let backend = try BackendRegistry.make("cpu", threads: 1)
    let source = try ModelDirectory(Fixtures.model)
    func verify(_ a: ModelDirectory, _ b: ModelDirectory, _ documents: [[Int]]) throws -> Verification {
      try Verification.run(source: a, converted: b, backend: backend, documents: documents, probe: [1, 2, 3])
    }
    if differing {
      let failure = expectProblem(.unexpectedTensor) { try directory.load(on: backend) }
      #expect(failure?.tensor == "lm_head.weight")
      #expect(failure?.file == copy.file("model.safetensors"))
      for documents in [[], [[1, 2, 3]]] {
        expectProblem(.unexpectedTensor) { try verify(directory, source, documents) }
        expectProblem(.unexpectedTensor) { try verify(source, directory, documents) }
      }
    } else {
      #expect(try verify(directory, source, [[1, 2, 3]]).text?.largestLogitDifference == 0)
    }
  }
}
