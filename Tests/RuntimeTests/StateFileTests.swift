import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("stored states")
struct StateFileTests {
  /// A layer of every mixer.
  private static func everyMixer() throws -> PicoModel {
    var window = SlidingWindowAttentionOptions()
    (window.window, window.sinks) = (9, 3)
    var convolved = GatedDeltaNetOptions(keyValueHeads: 2)
    (convolved.convolution, convolved.rotary) = (4, true)
    return try PicoModel(
      mixers: [
        SoftmaxAttentionSpecification(), window, convolved, GatedDeltaNetOptions(keyValueHeads: 4),
        GatedLinearAttentionOptions(keyValueHeads: 2),
        KimiDeltaAttentionOptions(keyValueHeads: 2, decayRank: 6, gateRank: 6),
      ])
  }

  private func ids(_ count: Int, seed: UInt64 = 1) -> [Int] {
    var generator = SeededGenerator(seed: seed, stream: "tokens")
    return (0..<count).map { _ in generator.index(below: 40) }
  }

  /// Lengths before the first token, within and beyond a window, and after its cache has dropped tokens.
  @Test(
    "a state that was stored goes on as if it had not been", arguments: [0, 1, 5, 100, 1500],
    [("cpu", CacheType.full), ("cpu", .bfloat16), ("reference", .full), ("reference", .bfloat16)])
  func roundTrip(_ length: Int, _ place: (backend: String, cacheType: CacheType)) throws {
    guard place.backend == "cpu" || length <= 100 else { return }
    let scratch = TemporaryDirectory()
    let model = try Self.everyMixer().load(
      on: BackendRegistry.make(place.backend, threads: 2), LoadOptions(cacheType: place.cacheType))
    let text = ids(length)
    let state = model.makeState(capacity: length + 20)
    try model.forward(text, state: state, rows: .none)
    try StateFile.write(state, of: model, ids: text, to: scratch.path("state"))
    let (restored, seen) = try StateFile.read(scratch.path("state"), for: model, capacity: length + 20)
    #expect(seen == text && restored.position == length && restored.byteCount == state.byteCount)
    for token in ids(20, seed: 2) {
      let expected = try model.lastLogits([token], state: state)
      #expect(try model.lastLogits([token], state: restored) == expected)
    }
  }

  @Test("a state of another model, of other weights or of another cache type is refused")
  func otherModels() throws {
    let scratch = TemporaryDirectory()
    let pico = try Self.everyMixer()
    let model = try pico.load(on: CPUBackend(threads: 1))
    let path = scratch.path("state")
    try StateFile.write(model.makeState(capacity: 4), of: model, ids: [], to: path)
    var trained = pico
    let norm = trained["model.norm.weight"]
    trained.set("model.norm.weight", Array(repeating: 1, count: 16), as: .float32, shape: norm.shape)
    for other in [
      try PicoModel().load(on: CPUBackend(threads: 1)), try trained.load(on: CPUBackend(threads: 1)),
      try pico.load(on: CPUBackend(threads: 1), LoadOptions(cacheType: .bfloat16)),
      try pico.load(on: ReferenceBackend()),
    ] {
      let error = expectProblem(.wrongState) { try StateFile.read(path, for: other, capacity: 4) }
      #expect(error?.file == path && error?.remedy != nil)
    }
    expectProblem(.outputExists) {
      try StateFile.write(model.makeState(capacity: 4), of: model, ids: [], to: path)
    }
  }

  struct Damage: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let tensor: String
    let change: @Sendable (inout [StoredTensor]) -> Void
  }

  static let damages = [
    Damage(testDescription: "no ids", tensor: "ids") { $0.removeAll { $0.name == "ids" } },
    Damage(testDescription: "ids of another type", tensor: "ids") {
      $0.removeAll { $0.name == "ids" }
      $0.append(StoredTensor(encoding: [1, 2], as: .float32, shape: [2], name: "ids"))
    },
    Damage(testDescription: "an id beyond the vocabulary", tensor: "ids") {
      $0.removeAll { $0.name == "ids" }
      let owner = OwnedBytes(count: 16)
      owner.bytes.storeBytes(of: Int64(40), toByteOffset: 0, as: Int64.self)
      owner.bytes.storeBytes(of: Int64(1), toByteOffset: 8, as: Int64.self)
      $0.append(
        StoredTensor(
          name: "ids", elementType: .int64, shape: [2], bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner))
    },
    Damage(testDescription: "more ids than the model has context", tensor: "ids") {
      $0.removeAll { $0.name == "ids" }
      let owner = OwnedBytes(count: 8 * 5000)
      owner.bytes.initializeMemory(as: UInt8.self, repeating: 0)
      $0.append(
        StoredTensor(
          name: "ids", elementType: .int64, shape: [5000], bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner))
    },
    Damage(testDescription: "no keys", tensor: "layers.0.keys") { $0.removeAll { $0.name == "layers.0.keys" } },
    Damage(testDescription: "values of fewer tokens", tensor: "layers.1.values") {
      $0.removeAll { $0.name == "layers.1.values" }
      $0.append(
        StoredTensor(
          encoding: Array(repeating: 0, count: 12), as: .float32, shape: [2, 1, 6], name: "layers.1.values"))
    },
    Damage(testDescription: "a recurrent state of another type", tensor: "layers.2.recurrent") {
      $0.removeAll { $0.name == "layers.2.recurrent" }
      $0.append(
        StoredTensor(
          encoding: Array(repeating: 0, count: 144), as: .bfloat16, shape: [24, 6], name: "layers.2.recurrent"))
    },
  ]

  @Test("a damaged state is an error that names the tensor", arguments: damages)
  func damaged(_ damage: Damage) throws {
    let scratch = TemporaryDirectory()
    let model = try Self.everyMixer().load(on: CPUBackend(threads: 1))
    let state = model.makeState(capacity: 4)
    try model.forward([1, 2], state: state, rows: .none)
    try StateFile.write(state, of: model, ids: [1, 2], to: scratch.path("state"))
    let reader = try SafetensorsReader(scratch.path("state"))
    var tensors = try reader.tensors.map { try reader.tensor(named: $0.name) }
    damage.change(&tensors)
    let writer = try SafetensorsWriter(
      scratch.path("damaged"),
      tensors: tensors.map { try TensorDescriptor(name: $0.name, elementType: $0.elementType, shape: $0.shape) },
      metadata: reader.metadata)
    for descriptor in writer.tensors { try writer.write(tensors.first { $0.name == descriptor.name }!) }
    _ = try writer.finish()
    let error = expectProblem(.wrongState) {
      try StateFile.read(scratch.path("damaged"), for: model, capacity: 4)
    }
    #expect(error?.tensor == damage.tensor && error?.file == scratch.path("damaged"))
  }

  @Test("a prompt goes on from its cache, and another prompt makes the cache anew")
  func promptCache() throws {
    let scratch = TemporaryDirectory()
    let model = try Self.everyMixer().load(on: CPUBackend(threads: 2))
    let cache = scratch.path("prompt.state")
    func generate(_ prompt: [Int], _ cache: String?) throws -> Generator.Outcome {
      var generator = Generator(model, sampler: .greedy, endTokens: [])
      return try generator.generate(prompt, maximum: 12, promptCache: cache)
    }
    let first = ids(60)
    let longer = first + ids(30, seed: 5)
    let other = ids(61, seed: 7)
    for (prompt, cached) in [(first, 0), (first, 59), (longer, 59), (longer, 89), (other, 0), (other, 60), (first, 0)] {
      let outcome = try generate(prompt, cache)
      #expect(outcome.cachedTokens == cached)
      #expect(outcome.tokens == (try generate(prompt, nil)).tokens)
    }
    #expect(try generate([7], cache).cachedTokens == 0)
  }
}
