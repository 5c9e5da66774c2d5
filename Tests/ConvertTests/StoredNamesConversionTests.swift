import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("conversion of checkpoints as people have them")
struct StoredNamesConversionTests {
  let scratch = TemporaryDirectory()
  let out = TemporaryDirectory()

  /// Other prefixes, a table of angles, a value head, and no output biases.
  private func untidy() throws -> (own: PicoModel, stored: PicoModel) {
    var own = try PicoModel(tied: false, biases: true)
    for layer in 0..<2 {
      let name = "model.layers.\(layer).self_attn.o_proj.bias"
      own.set(name, Array(repeating: 0, count: 16), as: .float32, shape: [16])
    }
    var stored = own
    stored.tensors = own.tensors.filter { !$0.name.hasSuffix("o_proj.bias") }.map { $0.named("module." + $0.name) }
    stored.set("module.model.rotary_emb.inv_freq", [1, 2, 3], as: .float32, shape: [3])
    stored.set("v_head.weight", [1, 2], as: .float32, shape: [1, 2])
    return (own, stored)
  }

  @Test("gives what a tidy one gives, and accounts for every tensor of the files", arguments: [true, false])
  func untidy(_ keepsAll: Bool) throws {
    let (own, stored) = try untidy()
    try own.write(to: scratch)
    let tidy = try Conversion(
      ConversionRequest(source: scratch.path, keep: keepsAll ? .all : .layers([1])))
    _ = try tidy.write(to: out.path("tidy"))
    try stored.write(to: scratch)
    let conversion = try Conversion(
      ConversionRequest(source: scratch.path, keep: keepsAll ? .all : .layers([1])))
    let dropped = conversion.accounting.dropped.map(\.tensor)
    #expect(dropped.contains("module.model.rotary_emb.inv_freq") && dropped.contains("v_head.weight"))
    let used = Set(
      conversion.accounting.steps.compactMap { step in
        if case .copy(let name, .source) = step.origin {
          name
        } else if case .repeatHeads(let name, _, _) = step.origin {
          name
        } else {
          nil
        }
      })
    let places = Dictionary(uniqueKeysWithValues: conversion.source.names.renamed.map { ($0.stored, $0.name) })
    for tensor in conversion.source.stored.tensors {
      let name = places[tensor.name] ?? tensor.name
      #expect(used.contains(name) != dropped.contains { $0 == tensor.name || $0 == name }, "\(tensor.name)")
    }
    let text = conversion.text(outcome: nil)
    #expect(text.contains("dropped: v_head.weight: a head") && text.contains("read under other names: "))
    #expect(text.contains("absent and taken as zeros: "))
    let json = conversion.json(outcome: nil)
    #expect(json["renamed"]?.arrayValue?.count == own.tensors.count - 2)
    #expect(json["zeros"]?.arrayValue == (0..<2).map { .string("model.layers.\($0).self_attn.o_proj.bias") })
    _ = try conversion.write(to: out.path("untidy"))
    let (a, b) = (try ModelDirectory(out.path("tidy")), try ModelDirectory(out.path("untidy")))
    #expect(b.notes.isEmpty)
    #expect(a.reader.tensors == b.reader.tensors)
    for tensor in a.reader.tensors {
      #expect(try a.reader.tensor(named: tensor.name).hasSameContent(as: b.reader.tensor(named: tensor.name)))
    }
    let verification = try Verification.run(
      source: ModelDirectory(scratch.path), converted: b, backend: ReferenceBackend(), documents: [], probe: [1, 2, 3])
    #expect(verification.isIdentical == keepsAll)
    #expect(verification.keptLayers.map(\.equal) == (keepsAll ? [true, true] : [true]))
  }

  @Test("an inspection shows the files as they are, and what becomes of them")
  func inspection() throws {
    let (_, stored) = try untidy()
    try stored.write(to: scratch)
    let inspection = try Inspection(scratch.path)
    #expect(inspection.tensors.contains { $0.name == "v_head.weight" })
    #expect(inspection.text().contains("not read: v_head.weight: a head that predicts no tokens"))
    let json = inspection.json()
    #expect(json["unread"]?.arrayValue?.count == 2 && json["zeros"]?.arrayValue?.count == 2)
    #expect(inspection.model?.layers.allSatisfy { $0.parameters > 0 } == true)
  }

  @Test("of an embedding under the head's name writes the embedding")
  func tiedHead() throws {
    let own = try PicoModel()
    var stored = own
    stored.tensors = own.tensors.map { $0.named($0.name == "model.embed_tokens.weight" ? "lm_head.weight" : $0.name) }
    try stored.write(to: scratch)
    _ = try Conversion(ConversionRequest(source: scratch.path, keep: .all)).write(to: out.path("model"))
    let reader = try FormatRegistry.open(out.path("model"))
    #expect(reader.descriptor(named: "lm_head.weight") == nil)
    #expect(try reader.tensor(named: "model.embed_tokens.weight").hasSameContent(as: own["model.embed_tokens.weight"]))
  }

  /// A model with its projections as float8, and the same with what they stand for.
  private func float8(_ type: ElementType) throws -> (coarse: PicoModel, plain: PicoModel) {
    let table = try Golden("float8")[type.rawValue].values
    var (coarse, plain) = (try PicoModel(elementType: .bfloat16), try PicoModel(elementType: .bfloat16))
    var random = SeededGenerator(seed: 8)
    for tensor in coarse.tensors where tensor.name.hasSuffix("proj.weight") {
      let count = try tensor.shape.elementCount()
      let codes = (0..<count).map { _ in UInt8(random.index(below: 0x30)) | (random.index(below: 2) == 0 ? 0 : 0x80) }
      let owner = OwnedBytes(count: count)
      owner.bytes.copyBytes(from: codes)
      coarse.set(
        StoredTensor(
          name: tensor.name, elementType: type, shape: tensor.shape, bytes: UnsafeRawBufferPointer(owner.bytes),
          owner: owner))
      plain.set(tensor.name, codes.map { table[Int($0)] }, as: .bfloat16, shape: tensor.shape)
    }
    return (coarse, plain)
  }

  @Test(
    "copies float8, rounds it on request, and makes new gates BF16", arguments: [ElementType.float8E4M3, .float8E5M2])
  func float8Conversion(_ type: ElementType) throws {
    let (coarse, plain) = try float8(type)
    let source = try coarse.open(in: scratch)
    func logits(_ directory: ModelDirectory) throws -> [Float] {
      let model = try directory.load(on: CPUBackend(threads: 1))
      return try model.lastLogits([1, 2, 3], state: model.makeState(capacity: 3))
    }
    #expect(
      try logits(source) == plain.open(in: TemporaryDirectory()).load(on: CPUBackend(threads: 1)).lastLogits([1, 2, 3]))
    func convert(_ keep: ConversionRequest.Keep, _ elementType: ElementType?, _ name: String) throws -> ModelDirectory {
      _ = try Conversion(ConversionRequest(source: scratch.path, keep: keep, elementType: elementType)).write(
        to: out.path(name))
      return try ModelDirectory(out.path(name))
    }
    let copy = try convert(.all, nil, "copy")
    for tensor in source.reader.tensors {
      #expect(try copy.reader.tensor(named: tensor.name).hasSameContent(as: source.reader.tensor(named: tensor.name)))
    }
    let rounded = try convert(.all, .bfloat16, "rounded")
    for tensor in plain.tensors { #expect(try rounded.reader.tensor(named: tensor.name).hasSameContent(as: tensor)) }
    let hybrid = try convert(.layers([0]), nil, "hybrid")
    #expect(hybrid.reader.descriptor(named: "model.layers.1.linear_attn.q_proj.weight")?.elementType == type)
    #expect(hybrid.reader.descriptor(named: "model.layers.1.linear_attn.b_proj.weight")?.elementType == .bfloat16)
    #expect(try logits(hybrid).allSatisfy(\.isFinite))
    let error = expectProblem(.hdf5NoSuchType) {
      try Conversion(
        ConversionRequest(
          source: scratch.path, keep: .all, format: .hdf5(HDF5Options(layout: .flat, compression: .none)))
      ).write(to: out.path("hdf5")).path
    }
    #expect(error?.tensor?.hasSuffix("proj.weight") == true)
    #expect(!FileSystem.exists(out.path("hdf5")))
  }
}

extension Model {
  fileprivate func lastLogits(_ ids: [Int]) throws(HybridizeError) -> [Float] {
    try lastLogits(ids, state: makeState(capacity: ids.count))
  }
}
