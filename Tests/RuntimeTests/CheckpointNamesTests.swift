import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("tensors by other names")
struct CheckpointNamesTests {
  let scratch = TemporaryDirectory()

  private func logits(_ directory: ModelDirectory) throws -> [Float] {
    let model = try directory.load(on: ReferenceBackend())
    return try model.lastLogits([1, 2, 3], state: model.makeState(capacity: 3))
  }

  private func logits(_ pico: PicoModel) throws -> [Float] { try logits(pico.open(in: TemporaryDirectory())) }

  private func renamed(_ pico: PicoModel, _ name: (String) -> String) -> PicoModel {
    var changed = pico
    changed.tensors = pico.tensors.map { $0.named(name($0.name)) }
    return changed
  }

  /// Prefixes as tools leave them, for a head of its own and a tied one.
  static let prefixCases: [(String, @Sendable (String) -> String)] = [
    ("none", { $0.hasPrefix("model.") ? String($0.dropFirst(6)) : $0 }), ("model", { "model." + $0 }),
    ("module", { "module." + $0 }), ("base_model", { "base_model.model." + $0 }), ("_orig_mod", { "_orig_mod." + $0 }),
    ("module and _orig_mod", { "module._orig_mod." + $0 }), ("language_model", { "language_model." + $0 }),
    ("model.language_model", { $0.hasPrefix("model.") ? "model.language_model." + $0.dropFirst(6) : $0 }),
    ("pretrained_model", { "pretrained_model." + $0 }),
    ("fully sharded", { $0.replacing("layers.1.", with: "layers.1._fsdp_wrapped_module.") }),
    (
      "recomputed",
      {
        $0.replacing("layers.0.", with: "layers.0._checkpoint_wrapped_module.").replacing(
          "mlp.", with: "mlp._orig_mod.")
      }
    ),
  ]

  @Test("are found behind every known prefix", arguments: prefixCases.indices, [true, false])
  func prefixes(_ index: Int, _ tied: Bool) throws {
    let pico = try PicoModel(tied: tied)
    let (name, rename) = Self.prefixCases[index]
    let changed = renamed(pico, rename)
    let directory = try changed.open(in: scratch)
    try checkTensorReader(directory.reader)
    #expect(Set(directory.reader.tensors.map(\.name)) == Set(pico.tensors.map(\.name)), "\(name)")
    #expect(directory.names.renamed.count == pico.tensors.count { rename($0.name) != $0.name })
    #expect(directory.names.renamed.allSatisfy { rename($0.name) == $0.stored })
    #expect(directory.names.unread.isEmpty && directory.names.zeros.isEmpty)
    #expect(directory.notes.count == 1 && directory.notes[0].contains("other names"))
    #expect(try logits(directory) == logits(pico))
  }

  @Test("a checkpoint with the model's own names is read as it is")
  func own() throws {
    let directory = try PicoModel().open(in: scratch)
    #expect(directory.reader === directory.stored)
    #expect(directory.notes.isEmpty)
  }

  @Test("two tensors for one name are refused, whichever they are")
  func ambiguous() throws {
    let pico = try PicoModel()
    let name = "model.norm.weight"
    var changed = pico
    changed.tensors.append(pico[name].named("module.model.norm.weight"))
    // The model's own name is the model's; the other is one too many.
    #expect(
      expectProblem(.unexpectedTensor) { try changed.open(in: scratch).path }?.tensor == "module.model.norm.weight")
    changed.tensors.removeAll { $0.name == name }
    changed.tensors.append(pico[name].named("norm.weight"))
    let error = expectProblem(.ambiguousName) { try changed.open(in: scratch).path }
    #expect(error?.tensor == name)
  }

  /// What is left in files, and what the report calls it.
  static let unreadCases: [(String, [Int], String)] = [
    ("model.layers.0.self_attn.rotary_emb.inv_freq", [3], "rotary"), ("rotary_emb.inv_freq", [3], "rotary"),
    ("model.rotary_emb.original_inv_freq", [3], "rotary"),
    ("model.layers.1.self_attn.rotary_emb.cos_cached", [1, 1, 64, 6], "rotary"),
    ("module.model.layers.1.self_attn.rotary_emb.sin_cached", [64, 6], "rotary"),
    ("model.layers.0.self_attn.bias", [1, 1, 8, 8], "mask"), ("model.layers.0.attn.masked_bias", [], "mask"),
    ("v_head.summary.weight", [1, 16], "head"), ("v_head.summary.bias", [1], "head"),
    ("score.weight", [1, 16], "head"),
    ("module.value_head.weight", [1, 16], "head"), ("mtp.fc.weight", [2, 2], "further"),
    ("model.mtp.layers.0.input_layernorm.weight", [16], "further"),
    ("model.mtp_layers.0.final_layernorm.weight", [16], "further"),
    ("model.layers.2.eh_proj.weight", [16, 32], "further"),
    ("medusa_head.0.0.linear.weight", [16, 16], "further"), ("model.layers.0.self_attn.k_scale", [], "cache"),
    ("model.layers.0.self_attn.v_proj.output_scale", [1], "cache"),
  ]

  @Test("that no model reads are passed over, by name, with the reason", arguments: unreadCases.indices)
  func unread(_ index: Int) throws {
    let (name, shape, word) = Self.unreadCases[index]
    let pico = try PicoModel(tied: false)
    var changed = pico
    changed.set(name, Array(repeating: 3, count: shape.reduce(1, *)), as: .float32, shape: Shape(shape))
    let directory = try changed.open(in: scratch)
    try checkTensorReader(directory.reader)
    #expect(directory.names.unread.map(\.tensor) == [name])
    #expect(directory.names.unread[0].reason.contains(word), "\(directory.names.unread[0].reason)")
    #expect(directory.notes.count == 1 && directory.notes[0].contains(name))
    #expect(directory.stored.descriptor(named: name) != nil)
    #expect(directory.everything.descriptor(named: name) != nil)
    #expect(directory.reader.descriptor(named: name) == nil)
    #expect(try logits(directory) == logits(pico))
  }

  @Test("of a whole layer behind the last are passed over where one of them, or config.json, says what it is")
  func furtherLayer() throws {
    let three = try PicoModel(layers: 3)
    var extra = try PicoModel()
    for tensor in three.tensors where tensor.name.hasPrefix("model.layers.2.") { extra.set(tensor) }
    let count = extra.tensors.count { $0.name.hasPrefix("model.layers.2.") }
    expectProblem(.unexpectedTensor) { try extra.open(in: scratch).path }
    var marked = extra
    marked.set("model.layers.2.enorm.weight", [1, 2], as: .float32, shape: [2])
    #expect(try marked.open(in: scratch).names.unread.count == count + 1)
    // Another layer is another matter.
    marked.set("model.layers.3.input_layernorm.weight", [1, 2], as: .float32, shape: [2])
    #expect(
      expectProblem(.unexpectedTensor) { try marked.open(in: scratch).path }?.tensor
        == "model.layers.3.input_layernorm.weight")
  }

  @Test(
    "an embedding that lies under the head's name alone is the embedding",
    arguments: ["lm_head.weight", "module.lm_head.weight"])
  func tiedHeadAlone(_ name: String) throws {
    let pico = try PicoModel()
    let changed = renamed(pico) { $0 == "model.embed_tokens.weight" ? name : $0 }
    let directory = try changed.open(in: scratch)
    try checkTensorReader(directory.reader)
    #expect(directory.names.renamed.map(\.name) == ["model.embed_tokens.weight"])
    #expect(directory.names.renamed.map(\.stored) == [name])
    #expect(directory.derivedTensors.isEmpty)
    #expect(try logits(directory) == logits(pico))
    // A head that is one of its own stands for no embedding.
    let untied = renamed(try PicoModel(tied: false)) { $0 == "model.embed_tokens.weight" ? "other" : $0 }
    #expect(
      expectProblem(.missingTensor) { try untied.open(in: scratch).path }?.tensor == "model.embed_tokens.weight")
  }

  @Test("absent biases are zeros, weights are not", arguments: [ElementType.float32, .bfloat16])
  func absentBiases(_ type: ElementType) throws {
    let pico = try PicoModel(tied: false, biases: true, elementType: type)
    let names = ["model.layers.0.self_attn.o_proj.bias", "model.layers.1.mlp.up_proj.bias"]
    var (without, zero) = (pico, pico)
    for name in names {
      let shape = pico[name].shape
      without.tensors.removeAll { $0.name == name }
      zero.set(name, Array(repeating: 0, count: try shape.elementCount()), as: type, shape: shape)
    }
    let directory = try without.open(in: scratch)
    try checkTensorReader(directory.reader)
    #expect(directory.names.zeros.map(\.name) == names)
    #expect(directory.names.zeros.allSatisfy { $0.elementType == type })
    #expect(directory.notes == ["absent and taken as zeros: \(names.joined(separator: ", "))"])
    #expect(try logits(directory) == logits(zero))
    #expect(try logits(directory) != logits(pico))
    without.tensors.removeAll { $0.name == "model.layers.0.self_attn.o_proj.weight" }
    #expect(
      expectProblem(.missingTensor) { try without.open(in: scratch).path }?.tensor
        == "model.layers.0.self_attn.o_proj.weight")
  }

  @Test(
    "of quantised weights and of adapters are refused for what they are",
    arguments: [
      ("model.layers.0.mlp.up_proj.weight_scale", "quantizedWeights"),
      ("model.layers.0.mlp.up_proj.weight_scale_inv", "quantizedWeights"),
      ("model.layers.0.mlp.up_proj.input_scale", "quantizedWeights"),
      ("model.layers.0.mlp.up_proj.qweight", "quantizedWeights"),
      ("model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4", "quantizedWeights"),
      ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "unmergedAdapter"),
      ("lm_head.bias", "unexpectedTensor"),
    ])
  func refused(_ name: String, _ problem: String) throws {
    var pico = try PicoModel()
    pico.set(name, [1], as: .float32, shape: [1])
    let error = #expect(throws: HybridizeError.self) { try pico.open(in: scratch).path }
    #expect(error?.problem.name == problem)
    #expect(error?.tensor == name)
  }

  @Test("index and names are both told of")
  func warnings() throws {
    let pico = renamed(try PicoModel()) { "module." + $0 }
    try pico.write(to: scratch)
    #expect(rename(scratch.path("model.safetensors"), scratch.path("model-00001-of-00001.safetensors")) == 0)
    let map = pico.tensors.dropFirst().map { #""\#($0.name)":"model-00001-of-00001.safetensors""# }
    scratch.write("model.safetensors.index.json", #"{"weight_map":{\#(map.joined(separator: ","))}}"#)
    let notes = try ModelDirectory(scratch.path).notes
    #expect(
      notes.count == 2 && notes[0].hasPrefix("warning: the index does not name") && notes[1].contains("other names"))
  }
}
