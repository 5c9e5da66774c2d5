import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("model directory")
struct ModelDirectoryTests {
  let scratch = TemporaryDirectory()

  @Test("a tensor that is absent is named, whichever it is", arguments: [Architecture.llama, .qwen2, .qwen3])
  func absentTensor(_ architecture: Architecture) throws {
    let pico = try PicoModel(architecture, tied: false, biases: true)
    for tensor in pico.tensors where !tensor.name.hasSuffix(".bias") {
      var changed = pico
      changed.tensors.removeAll { $0.name == tensor.name }
      let error = expectProblem(.missingTensor) { try changed.open(in: scratch).path }
      #expect(error?.tensor == tensor.name)
      #expect(error?.expected == "a tensor of shape \(tensor.shape)")
    }
  }

  @Test("a tensor of another shape is named, with both shapes")
  func wrongShape() throws {
    let pico = try PicoModel(tied: false)
    for tensor in pico.tensors {
      var changed = pico
      // One more row, and the transposed matrix or one more axis.
      let dimensions = tensor.shape.dimensions
      for shape in [[dimensions[0] + 1] + dimensions.dropFirst(), dimensions.reversed() + [1]] {
        changed.set(tensor.name, Array(repeating: 0, count: shape.reduce(1, *)), shape: Shape(shape))
        let error = expectProblem(.wrongShape) { try changed.open(in: scratch).path }
        #expect(error?.tensor == tensor.name)
        #expect(error?.found == "\(Shape(shape))")
        #expect(error?.expected?.contains("\(tensor.shape)") == true)
      }
    }
  }

  @Test(
    "a tensor that nobody asks for is named",
    arguments: ["model.layers.2.mlp.up_proj.weight", "model.layers.0.self_attn.q_proj.bias", "extra", "lm_head.bias"])
  func extraTensor(_ name: String) throws {
    var pico = try PicoModel()
    pico.set(name, [1, 2], as: .float32, shape: [2])
    let error = expectProblem(.unexpectedTensor) { try pico.open(in: scratch).path }
    #expect(error?.tensor == name)
    #expect(error?.found == "F32 [2]")
  }

  @Test(
    "end tokens are those of generation_config.json, or of config.json if it names none",
    arguments: [
      (nil, [0]), ("{}", [0]), ("{\"eos_token_id\": null}", [0]), ("{\"eos_token_id\": 7}", [7]),
      ("{\"eos_token_id\": [7, 2], \"do_sample\": true}", [7, 2]),
    ] as [(String?, [Int])])
  func endTokens(_ generation: String?, _ expected: [Int]) throws {
    let copy = ModelCopy(in: scratch)
    try copy.configure { $0["eos_token_id"] = .integer(0) }
    if let generation { try copy.replace("generation_config.json", generation) }
    #expect(try ModelDirectory(copy.path).endTokens() == expected)
  }

  @Test("a broken generation_config.json is named", arguments: ["[]", "{\"eos_token_id\": \"end\"}", "{"])
  func brokenGenerationConfiguration(_ text: String) throws {
    let copy = ModelCopy(in: scratch)
    try copy.replace("generation_config.json", text)
    let directory = try ModelDirectory(copy.path)
    let error = #expect(throws: HybridizeError.self) { try directory.endTokens() }
    #expect(error?.file == copy.file("generation_config.json"))
  }

  @Test("a tied head may be saved as a copy of the embedding, and as nothing else")
  func tiedHead() throws {
    let pico = try PicoModel()
    let table = pico["model.embed_tokens.weight"]
    var changed = pico
    changed.set(
      StoredTensor(
        name: "lm_head.weight", elementType: table.elementType, shape: table.shape, bytes: table.bytes,
        owner: OwnerBox(table)))
    let model = try changed.open(in: scratch)
    #expect(model.derivedTensors == ["lm_head.weight"])
    #expect(model.layout.head == nil)

    var values = (0..<40 * 16).map { Double(table.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
    let asDouble = values
    values[7] += 0.5
    for (values, type, shape) in [
      (values, .float32, [40, 16]), (asDouble, .float64, [40, 16]), (asDouble, .float32, [16, 40]),
    ] as [([Double], ElementType, Shape)] {
      changed.set("lm_head.weight", values, as: type, shape: shape)
      let directory = try changed.open(in: scratch)
      let error = expectProblem(.unexpectedTensor) { try directory.load(on: ReferenceBackend()).weightBytes }
      #expect(error?.tensor == "lm_head.weight")
    }
  }

  /// Keeps the tensor alive whose bytes another one shows.
  private final class OwnerBox {
    let tensor: StoredTensor
    init(_ tensor: StoredTensor) { self.tensor = tensor }
  }

  @Test("a head of its own is computed with, and counted once")
  func untiedHead() throws {
    let (tied, untied) = (try PicoModel(), try PicoModel(tied: false))
    let ids = [1, 2, 3]
    func logits(_ pico: PicoModel) throws -> [Float] {
      let model = try pico.load(on: ReferenceBackend())
      return try model.lastLogits(ids, state: model.makeState(capacity: 3))
    }
    #expect(try logits(tied) != logits(untied))
    // The embedding's bytes are read where it is the head, the head's where it is not.
    #expect(try tied.load(on: ReferenceBackend()).weightBytes == untied.load(on: ReferenceBackend()).weightBytes)
    var copy = untied
    let table = untied["model.embed_tokens.weight"]
    copy.set(
      StoredTensor(
        name: "lm_head.weight", elementType: .float32, shape: table.shape, bytes: table.bytes, owner: OwnerBox(table)))
    #expect(try logits(tied) == logits(copy))
  }

  @Test("a weights file that was cut is refused, wherever it was cut")
  func truncated() throws {
    try PicoModel().write(to: scratch)
    let whole = scratch.bytes("model.safetensors")
    for size in [0, 7, 100, whole.count / 2, whole.count - 1] {
      scratch.write("model.safetensors", Array(whole.prefix(size)))
      let error = #expect(throws: HybridizeError.self) { try ModelDirectory(scratch.path) }
      #expect(error?.category == .inputFile)
      #expect(error?.file == scratch.path("model.safetensors"))
    }
  }

  @Test("a config.json that cannot be read is named", arguments: ["", "{", "[]", "null", #"{"a": 1, "a": 2}"#])
  func brokenConfiguration(_ text: String) throws {
    try PicoModel().write(to: scratch)
    scratch.write("config.json", text)
    let error = #expect(throws: HybridizeError.self) { try ModelDirectory(scratch.path) }
    #expect(error?.category == .inputFile)
    #expect(error?.file == scratch.path("config.json"))
  }

  @Test("what is missing of a model is named")
  func missingParts() throws {
    let nothing = expectProblem(.unreadable) { try ModelDirectory(scratch.path("nowhere")).path }
    #expect(nothing?.file == scratch.path("nowhere"))

    try PicoModel().write(to: scratch)
    let whole = (config: scratch.bytes("config.json"), weights: scratch.bytes("model.safetensors"))
    _ = scratch.makeDirectory("weights")
    scratch.write("weights/model.safetensors", whole.weights)
    let noConfiguration = expectProblem(.unreadable) { try ModelDirectory(scratch.path("weights")).path }
    #expect(noConfiguration?.file == scratch.path("weights/config.json"))

    _ = scratch.makeDirectory("configuration")
    scratch.write("configuration/config.json", whole.config)
    let noWeights = expectProblem(.unknownFormat) { try ModelDirectory(scratch.path("configuration")).path }
    #expect(noWeights?.file == scratch.path("configuration"))
  }

  @Test("a model is opened by its directory or by its weights file")
  func byFile() throws {
    let directory = try PicoModel().open(in: scratch)
    let file = try ModelDirectory(scratch.path("model.safetensors"))
    #expect(file.path == directory.path)
    #expect(file.layout.tensors == directory.layout.tensors)
  }

  @Test("weights that no backend computes with are named when they are loaded", arguments: BackendRegistry.names)
  func elementType(_ backend: String) throws {
    var pico = try PicoModel()
    let name = "model.layers.1.mlp.up_proj.weight"
    let bytes = OwnedBytes(count: 24 * 16 * 8)
    bytes.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    pico.set(
      StoredTensor(
        name: name, elementType: .int64, shape: [24, 16], bytes: UnsafeRawBufferPointer(bytes.bytes), owner: bytes))
    let directory = try pico.open(in: scratch)
    let error = expectProblem(.unsupportedElementType) {
      try directory.load(on: try BackendRegistry.make(backend, threads: 1)).weightBytes
    }
    #expect(error?.tensor == name)
    #expect(error?.file == scratch.path("model.safetensors"))
  }
}
