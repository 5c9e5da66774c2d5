import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// Tiny models of every family with configurations as people write them, whose logits transformers computed
/// (scripts/make_config_values.py).
@Suite("configurations against transformers")
struct ConfigurationValuesTests {
  private static let ids = (0..<90).map { ($0 * 37 + 11) % 96 }
  private static let rows = [44, 89]

  /// SplitMix64 of the name's FNV-1a and the index, as multiples of 1/256 between -1/2 and 1/2; gains are around one.
  private static func values(_ name: String, count: Int) -> [Double] {
    var seed: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (1...UInt64(count)).map { index in
      var x = index &* 0x9E37_79B9_7F4A_7C15 &+ seed
      x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
      x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
      x ^= x >> 31
      return (Double(x >> 56) - 128) / 256 + (name.hasSuffix("norm.weight") ? 1 : 0)
    }
  }

  private static func write(_ config: JSONValue, to scratch: TemporaryDirectory) throws -> ModelDirectory {
    let layout = ModelLayout(try ModelConfiguration(json: config.objectValue!))
    let writer = try SafetensorsWriter(
      scratch.path("model.safetensors"),
      tensors: layout.tensors.map { try TensorDescriptor(name: $0.name, elementType: .float32, shape: $0.shape) })
    for tensor in writer.tensors {
      let values = values(tensor.name, count: try tensor.shape.elementCount())
      try writer.write(StoredTensor(encoding: values, as: .float32, shape: tensor.shape, name: tensor.name))
    }
    _ = try writer.finish()
    scratch.write("config.json", config.bytes)
    return try ModelDirectory(scratch.path)
  }

  private static let variants = try! JSONValue.fixture("configs/variants.json").objectValue!

  @Test("logits are those of transformers", arguments: variants.keys)
  func logits(_ name: String) throws {
    let golden = try Golden("logits", in: "configs")[name]
    #expect(golden.shape == [2, 96])
    let directory = try Self.write(Self.variants[name]!, to: TemporaryDirectory())
    for backend in BackendRegistry.names {
      let model = try directory.load(on: BackendRegistry.make(backend, threads: 1))
      var found: [Double] = []
      try model.forward(Self.ids, state: model.makeState(capacity: 90), rows: .all) { found += model.backend.read($0) }
      expectClose(
        Self.rows.flatMap { Array(found[$0 * 96..<($0 + 1) * 96]) }, golden.values, absolute: 1e-4,
        "\(name) on \(backend)")
    }
  }

  @Test("step by step, in pieces and in training is what one prefill gives", arguments: variants.keys)
  func forms(_ name: String) throws {
    let directory = try Self.write(Self.variants[name]!, to: TemporaryDirectory())
    let backend = ReferenceBackend()
    let model = try directory.load(on: backend)
    var whole: [Double] = []
    try model.forward(Self.ids, state: model.makeState(capacity: 90), rows: .all) { whole += backend.read($0) }
    for size in [1, 13] {
      var found: [Double] = []
      let state = model.makeState(capacity: 90)
      for start in stride(from: 0, to: 90, by: size) {
        let piece = Array(Self.ids[start..<min(90, start + size)])
        try model.forward(piece, state: state, rows: .all) { found += backend.read($0) }
      }
      expectClose(found, whole, relative: 1e-10, "\(name) in pieces of \(size)")
    }
    // Two sequences of other lengths in one pass: each has the angles of its own.
    let workspace = Workspace(backend)
    let sequences = [SequenceRows(rows: 0..<90, position: 0), SequenceRows(rows: 90..<120, position: 0)]
    let angles = model.configuration.rotary.angles(sequences, backend: backend, workspace: workspace)
    let context = model.passContext(sequences, angles: angles, workspace: workspace)
    let trained = backend.read(model.hiddenWhole(Self.ids + Self.ids.prefix(30), context))
    func states(_ ids: [Int]) throws -> [Double] {
      var last: [Double] = []
      try model.trace(ids) { last = backend.read($0) }
      return last
    }
    expectClose(
      trained, try states(Self.ids) + states(Array(Self.ids.prefix(30))), relative: 1e-10, "\(name) in training")
  }

  @Test("layers with a window are the source's own, and say so")
  func windows() throws {
    func windows(_ name: String) throws -> [Int?] {
      let model = try ModelConfiguration(json: Self.variants[name]!.objectValue!)
      #expect(model.keptLayers == [0, 1, 2])
      return model.mixers.map { ($0 as? WindowedAttentionSpecification)?.window }
    }
    #expect(try windows("mistral, its window by default") == [4096, 4096, 4096])
    #expect(try windows("mistral, no window") == [nil, nil, nil])
    #expect(try windows("mistral, a window of one") == [1, 1, 1])
    #expect(try windows("qwen2, a window not used") == [nil, nil, nil])
    #expect(try windows("qwen2, a window in the last layer") == [nil, nil, 7])
    #expect(try windows("qwen2, a null window") == [nil, nil, nil])
    #expect(try windows("qwen3, layer types and yarn") == [7, nil, 7])
    #expect(try windows("llama, a window that its class ignores") == [nil, nil, nil])
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let variant: String
    let changes: JSONObject
    let says: [String]
  }

  static let refusals = [
    Refusal(
      testDescription: "windows by layer in a family without", variant: "llama",
      changes: JSONValue(#"{"layer_types": ["sliding_attention", "full_attention", "full_attention"]}"#).objectValue!,
      says: ["layer_types: full_attention alone"]),
    Refusal(
      testDescription: "layer types against Mistral's window", variant: "mistral, a window",
      changes: JSONValue(#"{"layer_types": ["sliding_attention", "full_attention", "full_attention"]}"#).objectValue!,
      says: ["layer_types: sliding_attention alone"]),
    Refusal(
      testDescription: "layer types without a window", variant: "qwen2, layer types",
      changes: ["use_sliding_window": .bool(false)], says: ["use_sliding_window"]),
    Refusal(
      testDescription: "an unknown kind of layer", variant: "qwen3",
      changes: JSONValue(#"{"layer_types": ["mamba", "full_attention", "full_attention"]}"#).objectValue!,
      says: ["mamba", "sliding_attention"]),
    Refusal(
      testDescription: "a window of nothing", variant: "mistral, a window", changes: ["sliding_window": .integer(0)],
      says: ["sliding_window: an integer from 1", "sliding_window: 0"]),
    Refusal(
      testDescription: "heads that the family's number does not divide", variant: "llama, no head_dim",
      changes: ["num_attention_heads": .integer(4), "num_key_value_heads": .integer(3)],
      says: ["num_key_value_heads: a divisor of 4"]),
  ]

  @Test("windows and heads that contradict each other are refused", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    var config = Self.variants[refusal.variant]!.objectValue!
    for (name, value) in refusal.changes.members { config[name] = value }
    let error = try #require(expectProblem(.wrongField) { try ModelConfiguration(json: config) })
    for words in refusal.says { #expect(ErrorText.render(error).contains(words), "\(ErrorText.render(error))") }
  }

  @Test("a family's number of heads stands in the message where the file has none")
  func defaultInMessage() throws {
    var config = Self.variants["qwen2"]!.objectValue!
    config["num_key_value_heads"] = nil
    let error = expectProblem(.wrongField) { try ModelConfiguration(json: config) }
    #expect(error?.found == "no num_key_value_heads, which stands for 32")
  }

  @Test("positions for which a scaling is made count as context")
  func contexts() throws {
    func context(_ name: String) throws -> Int {
      try ModelConfiguration(json: Self.variants[name]!.objectValue!).contextLength
    }
    #expect(try context("llama, dynamic beyond") == 100 && context("qwen2, dynamic beyond") == 160)
    #expect(try context("llama, yarn") == 2048 && context("llama, linear") == 2048)
    var config = Self.variants["llama, yarn"]!.objectValue!
    config["max_position_embeddings"] = .integer(32)
    #expect(try ModelConfiguration(json: config).contextLength == 128)
  }

  @Test("a prompt that outgrows the angles of its cache is read anew, a longer one with the same angles goes on")
  func promptCache() throws {
    let scratch = TemporaryDirectory()
    let model = try Self.write(Self.variants["llama, dynamic beyond"]!, to: scratch).load(on: ReferenceBackend())
    var generator = Generator(model, sampler: .greedy, endTokens: [])
    let cache = scratch.path("prompt.state")
    for (count, tokens, cached) in [(10, 4, 0), (20, 4, 9), (40, 20, 0), (41, 19, 39), (45, 30, 0)] {
      let prompt = Array(Self.ids.prefix(count))
      let found = try generator.generate(prompt, maximum: tokens, promptCache: cache)
      #expect(found.cachedTokens == cached, "\(count) and \(tokens)")
      #expect(found.tokens == (try generator.generate(prompt, maximum: tokens)).tokens, "\(count) and \(tokens)")
    }
  }

  @Test("a stored state goes on with the angles that it was made with")
  func storedState() throws {
    let scratch = TemporaryDirectory()
    let directory = try Self.write(Self.variants["llama, dynamic beyond"]!, to: scratch)
    let model = try directory.load(on: ReferenceBackend())
    let state = model.makeState(capacity: 80)
    try model.forward(Array(Self.ids.prefix(60)), state: state, rows: .none)
    try StateFile.write(state, of: model, ids: Array(Self.ids.prefix(60)), to: scratch.path("state"))
    // Room for more would mean other angles.
    let (restored, _) = try StateFile.read(scratch.path("state"), for: model, capacity: 95)
    #expect(restored.length == 80 && restored.fork().length == 80)
    #expect(try model.lastLogits([5], state: restored) == model.lastLogits([5], state: state.fork()))
    // The same weights with another rotation are another model.
    var config = Self.variants["llama, dynamic beyond"]!
    config["rope_scaling", "factor"] = .double(4)
    let other = try Self.write(config, to: TemporaryDirectory()).load(on: ReferenceBackend())
    expectProblem(.wrongState) { try StateFile.read(scratch.path("state"), for: other, capacity: 95) }
  }
}
