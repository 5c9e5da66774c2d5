import Foundation
import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("conversion")
struct ConversionTests {
  let scratch = TemporaryDirectory()

  private func convert(_ request: ConversionRequest, as name: String) throws -> ModelDirectory {
    let path = scratch.path + "/" + name
    _ = try Conversion(request).write(to: path)
    return try ModelDirectory(path)
  }

  private func bytes(_ directory: ModelDirectory, _ name: String) throws -> [UInt8] {
    Array(try directory.reader.tensor(named: name).bytes)
  }

  @Test("kept layers and all that is not a mixer are copied bit for bit")
  func copies() throws {
    let source = try ModelDirectory(Fixtures.model)
    let hybrid = try convert(ConversionRequest(source: Fixtures.model, keep: .layers([0, 6])), as: "hybrid")
    #expect(hybrid.configuration.keptLayers == [0, 6])
    for tensor in source.reader.tensors where hybrid.reader.descriptor(named: tensor.name) != nil {
      #expect(try bytes(source, tensor.name) == bytes(hybrid, tensor.name), "\(tensor.name)")
    }
    for part in ["q", "k", "v", "o"] {
      #expect(
        try bytes(hybrid, "model.layers.1.linear_attn.\(part)_proj.weight")
          == bytes(source, "model.layers.1.self_attn.\(part)_proj.weight"))
    }
  }

  @Test("with all layers kept the output is the source, byte for byte")
  func keepAll() throws {
    let source = try ModelDirectory(Fixtures.model)
    let copy = try convert(ConversionRequest(source: Fixtures.model, keep: .all), as: "copy")
    for name in ["model.safetensors", "config.json", "tokenizer.json"] {
      #expect(
        try FileSystem.read(source.path + "/" + name, limit: 1 << 30)
          == FileSystem.read(copy.path + "/" + name, limit: 1 << 30), "\(name)")
    }
  }

  @Test("the same inputs give the same bytes, another seed gives other gates and nothing else")
  func deterministic() throws {
    let request = ConversionRequest(source: Fixtures.model, keep: .layers([2]), seed: 7)
    let first = try convert(request, as: "first")
    let second = try convert(request, as: "second")
    for name in try FileSystem.list(first.path) {
      #expect(
        try FileSystem.read(first.path + "/" + name, limit: 1 << 30)
          == FileSystem.read(second.path + "/" + name, limit: 1 << 30), "\(name)")
    }
    let other = try convert(
      ConversionRequest(source: Fixtures.model, keep: .layers([2]), seed: 8), as: "other")
    let changed = try first.reader.tensors.filter { try bytes(first, $0.name) != bytes(other, $0.name) }.map(\.name)
    let isGate = { (name: String) in ["g_proj", "a_proj", "b_proj"].contains { name.contains("linear_attn.\($0)") } }
    #expect(!changed.isEmpty && changed.allSatisfy(isGate), "\(changed)")
  }

  @Test("expanded key and value heads are whole head blocks, each repeated for its group")
  func headBlocks() throws {
    let source = try ModelDirectory(Fixtures.model)
    let hybrid = try convert(
      ConversionRequest(
        source: Fixtures.model, keep: .layers([]), choice: MixerChoice(preset: .best, expandKeyValue: true)),
      as: "expanded")
    let model = source.configuration
    let row = model.hiddenSize * 2
    let head = model.headDimension * row
    for part in ["k", "v"] {
      let before = try bytes(source, "model.layers.3.self_attn.\(part)_proj.weight")
      let after = try bytes(hybrid, "model.layers.3.linear_attn.\(part)_proj.weight")
      #expect(after.count == model.heads * head)
      for query in 0..<model.heads {
        let group = query / (model.heads / model.keyValueHeads)
        #expect(after[query * head..<(query + 1) * head] == before[group * head..<(group + 1) * head])
      }
    }
  }

  @Test("presets write the layers that they promise", arguments: Preset.allCases)
  func presets(_ preset: Preset) throws {
    let hybrid = try convert(
      ConversionRequest(source: Fixtures.model, keep: .layers([0]), choice: MixerChoice(preset: preset)),
      as: preset.rawValue)
    let names = Set(hybrid.reader.tensors.map(\.name).filter { $0.hasPrefix("model.layers.1.linear_attn.") })
    #expect(names.contains { $0.contains("conv1d") } == (preset != .paper))
    let key = try #require(hybrid.reader.descriptor(named: "model.layers.1.linear_attn.k_proj.weight"))
    #expect(key.shape.dimensions[0] == (preset == .portable ? 256 : 128))
    let options = try #require(hybrid.configuration.mixers[1] as? GatedDeltaNetOptions)
    #expect(options.rotary == (preset == .best))
  }

  @Test("gates of the best preset have half-lives of 4 to 512 tokens over the heads")
  func halfLives() throws {
    let hybrid = try convert(ConversionRequest(source: Fixtures.model, keep: .layers([])), as: "best")
    let bias = try hybrid.reader.tensor(named: "model.layers.0.linear_attn.dt_bias")
    let rate = try hybrid.reader.tensor(named: "model.layers.0.linear_attn.A_log")
    let expected = [4, 4 * pow(128, 1.0 / 3), 4 * pow(128, 2.0 / 3), 512]
    for (head, halfLife) in expected.enumerated() {
      let b = Double(bias.bytes.loadUnaligned(fromByteOffset: head * 4, as: Float.self))
      let a = Double(rate.bytes.loadUnaligned(fromByteOffset: head * 4, as: Float.self))
      let decay = exp(a) * log1p(exp(b))
      #expect(abs(log(2) / decay / halfLife - 1) < 1e-4)
    }
  }

  @Test("gates of the paper preset lie where the published code draws them")
  func paperGates() throws {
    let hybrid = try convert(
      ConversionRequest(source: Fixtures.model, keep: .layers([]), choice: MixerChoice(preset: .paper)), as: "paper")
    for layer in 0..<8 {
      for head in 0..<4 {
        let bias = try hybrid.reader.tensor(named: "model.layers.\(layer).linear_attn.dt_bias").bytes
        let rate = try hybrid.reader.tensor(named: "model.layers.\(layer).linear_attn.A_log").bytes
        let step = log1p(exp(Double(bias.loadUnaligned(fromByteOffset: head * 4, as: Float.self))))
        let scale = exp(Double(rate.loadUnaligned(fromByteOffset: head * 4, as: Float.self)))
        #expect((0.000_999...0.100_1).contains(step))
        #expect((0.000_9...16).contains(scale))
      }
    }
  }

  @Test("the convolution starts as one that changes nothing")
  func identityConvolution() throws {
    let hybrid = try convert(ConversionRequest(source: Fixtures.model, keep: .layers([])), as: "best")
    let taps = try hybrid.reader.tensor(named: "model.layers.0.linear_attn.q_conv1d.weight")
    #expect(taps.shape == [256, 1, 4])
    let one = UInt16(0x3F80)
    for index in 0..<1024 {
      let tap = taps.bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
      #expect(tap == (index % 4 == 3 ? one : 0))
    }
  }

  @Test("mixers taken from another model are its own, the rest stays the source's")
  func mixersFrom() throws {
    let hybrid = try convert(
      ConversionRequest(source: Fixtures.model, keep: .layers([0, 6]), mixersFrom: Fixtures.hybrid), as: "taken")
    let source = try ModelDirectory(Fixtures.model)
    let donor = try ModelDirectory(Fixtures.hybrid)
    #expect(hybrid.configuration.mixers[1].json == donor.configuration.mixers[1].json)
    for tensor in hybrid.reader.tensors {
      let origin = tensor.name.contains("linear_attn") ? donor : source
      #expect(try bytes(hybrid, tensor.name) == bytes(origin, tensor.name), "\(tensor.name)")
    }
  }

  @Test("every source tensor is copied, re-laid or named as dropped")
  func accounting() throws {
    let conversion = try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([0, 6])))
    #expect(conversion.accounting.dropped.isEmpty)
    #expect(conversion.accounting.steps.count == conversion.accounting.copied + conversion.accounting.initialised)
    let taken = try Conversion(
      ConversionRequest(source: Fixtures.model, keep: .layers([0, 6]), mixersFrom: Fixtures.hybrid))
    #expect(taken.accounting.dropped.count == 6 * 4)
  }

  @Test("a hybrid converts further, its converted layers stay")
  func further() throws {
    let hybrid = try convert(ConversionRequest(source: Fixtures.hybrid, keep: .layers([6])), as: "further")
    let before = try ModelDirectory(Fixtures.hybrid)
    #expect(hybrid.configuration.keptLayers == [6])
    #expect(
      try bytes(hybrid, "model.layers.1.linear_attn.g_proj.weight")
        == bytes(before, "model.layers.1.linear_attn.g_proj.weight"))
    #expect(hybrid.configuration.architecture == .llama)
  }

  @Test("single options of a mixer override the preset's, and new tensors follow them")
  func mixerOptions() throws {
    let choice = MixerChoice(
      preset: .best, options: ["rotary": .bool(false), "convolution": .integer(3), "keyValueHeads": .integer(4)])
    let hybrid = try convert(
      ConversionRequest(source: Fixtures.model, keep: .layers([0]), choice: choice, gates: .paper), as: "chosen")
    let options = try #require(hybrid.configuration.mixers[1] as? GatedDeltaNetOptions)
    #expect(!options.rotary && options.convolution == 3 && options.keyValueHeads == 4)
    let taps = try #require(hybrid.reader.descriptor(named: "model.layers.1.linear_attn.k_conv1d.weight"))
    #expect(taps.shape == [256, 1, 3])
    // The paper's rates are spread; those of the preset would all be log 1.
    let rates = try bytes(hybrid, "model.layers.1.linear_attn.A_log")
    #expect(Set(stride(from: 0, to: 16, by: 4).map { Array(rates[$0..<$0 + 4]) }).count == 4)
  }

  @Test(
    "options that the mixer or the source cannot have are an error of the arguments",
    arguments: [
      ("rotary", JSONValue.integer(1)), ("colour", .bool(true)), ("mixer", .string("softmax-attention")),
      ("keyValueHeads", .integer(3)), ("keyValueHeads", .integer(8)), ("keyValueHeads", .integer(1)),
      ("qkvBias", .bool(true)), ("qkNormGain", .bool(true)), ("convolution", .integer(1)),
    ])
  func badOption(_ name: String, _ value: JSONValue) throws {
    let choice = MixerChoice(preset: .best, options: [name: value])
    let error = expectProblem(.badMixerOption) {
      try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([0]), choice: choice))
    }
    #expect(error?.category == .argument)
  }

  struct BadKeep: CustomTestStringConvertible, Sendable {
    let keep: ConversionRequest.Keep
    let problem: Problem
    let testDescription: String
  }

  static let badKeeps = [
    BadKeep(keep: .layers([8]), problem: .layerOutOfRange, testDescription: "beyond the last layer"),
    BadKeep(keep: .layers([-1]), problem: .layerOutOfRange, testDescription: "negative"),
    BadKeep(keep: .layers([1, 1]), problem: .layerRepeated, testDescription: "twice"),
  ]

  @Test("layers that cannot be kept are an error of the arguments", arguments: badKeeps)
  func badKeep(_ bad: BadKeep) throws {
    let failure = #expect(throws: HybridizeError.self) {
      _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: bad.keep))
    }
    #expect(failure?.problem == bad.problem)
    #expect(failure?.category == .argument)
  }

  @Test("a saved copy of a tied head is carried, a head that is no copy is an error before anything is written")
  func tiedHead() throws {
    let copy = ModelCopy(in: scratch, as: "source")
    try copy.addHead(differing: false)
    let hybrid = try convert(ConversionRequest(source: copy.path, keep: .layers([0])), as: "hybrid")
    #expect(try bytes(hybrid, "lm_head.weight") == bytes(hybrid, "model.embed_tokens.weight"))
    let other = ModelCopy(in: scratch, as: "other")
    try other.addHead(differing: true)
    let failure = expectProblem(.unexpectedTensor) {
      try convert(ConversionRequest(source: other.path, keep: .layers([0])), as: "never")
    }
    #expect(failure?.tensor == "lm_head.weight")
    #expect(scratch.entries() == ["hybrid", "other", "source"])
  }

  @Test("an output that exists is an error, and stays as it was")
  func outputExists() throws {
    scratch.write("taken", "mine")
    let failure = #expect(throws: HybridizeError.self) {
      _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .all)).write(to: scratch.path + "/taken")
    }
    #expect(failure?.category == .output)
    #expect(try FileSystem.read(scratch.path + "/taken", limit: 100) == Array("mine".utf8))
    #expect(scratch.entries() == ["taken"])
  }
}
