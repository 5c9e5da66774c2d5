import Foundation
import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("conversion into mixers with a decay for every channel")
struct PerChannelMixerConversionTests {
  let scratch = TemporaryDirectory()

  static let mixers = [GatedLinearAttentionOptions.name, KimiDeltaAttentionOptions.name]

  private func convert(
    _ source: String = Fixtures.model, to mixer: String, preset: Preset = .best, options: JSONObject = [:],
    gates: GateInitialisation? = nil
  ) throws -> ModelDirectory {
    let path = scratch.path("\(scratch.entries().count)")
    let request = ConversionRequest(
      source: source, keep: .layers([0]), mixer: mixer, choice: MixerChoice(preset: preset, options: options),
      gates: gates)
    _ = try Conversion(request).write(to: path)
    return try ModelDirectory(path)
  }

  /// A new tensor of layer 1.
  private func tensor(_ directory: ModelDirectory, _ name: String) throws -> StoredTensor {
    try directory.reader.tensor(named: "model.layers.1.linear_attn." + name)
  }

  private func floats(_ directory: ModelDirectory, _ name: String) throws -> [Double] {
    let tensor = try tensor(directory, name)
    #expect(tensor.elementType == .float32, "\(name)")
    return (0..<tensor.bytes.count / 4).map {
      Double(tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
    }
  }

  @Test("new layers have the tensors of FLA's, and the teacher's projections", arguments: Preset.allCases)
  func tensors(_ preset: Preset) throws {
    let source = try ModelDirectory(Fixtures.model)
    let keyRows = preset == .portable ? 256 : 128
    func shapes(_ directory: ModelDirectory) -> [String: Shape] {
      let prefix = "model.layers.1.linear_attn."
      let own = directory.reader.tensors.filter { $0.name.hasPrefix(prefix) }
      return Dictionary(uniqueKeysWithValues: own.map { (String($0.name.dropFirst(prefix.count)), $0.shape) })
    }
    let projections: [String: Shape] = [
      "q_proj.weight": [256, 256], "k_proj.weight": [keyRows, 256], "v_proj.weight": [keyRows, 256],
      "o_proj.weight": [256, 256],
    ]
    let convolutions: [String: Shape] = [
      "q_conv1d.weight": [256, 1, 4], "k_conv1d.weight": [keyRows, 1, 4], "v_conv1d.weight": [keyRows, 1, 4],
    ]
    let linear: [String: Shape] = [
      "g_proj.weight": [256, 256], "gk_proj.0.weight": [16, 256], "gk_proj.1.weight": [256, 16],
      "gk_proj.1.bias": [256], "g_norm_swish_gate.weight": [64],
    ]
    let delta: [String: Shape] = [
      "f_proj.0.weight": [64, 256], "f_proj.1.weight": [256, 64], "b_proj.weight": [4, 256], "A_log": [4],
      "dt_bias": [256], "g_proj.0.weight": [64, 256], "g_proj.1.weight": [256, 64], "g_proj.1.bias": [256],
      "o_norm.weight": [64],
    ]
    for (mixer, gates) in zip(Self.mixers, [linear, delta]) {
      let hybrid = try convert(to: mixer, preset: preset)
      let isConvolved = mixer == KimiDeltaAttentionOptions.name || preset == .best
      let expected = projections.merging(gates) { $1 }.merging(isConvolved ? convolutions : [:]) { $1 }
      #expect(shapes(hybrid) == expected)
      for part in ["q", "o"] {
        let before = try source.reader.tensor(named: "model.layers.1.self_attn.\(part)_proj.weight").bytes
        #expect(try tensor(hybrid, "\(part)_proj.weight").bytes.elementsEqual(before))
      }
    }
  }

  @Test("expanded key and value heads are whole head blocks", arguments: mixers)
  func headBlocks(_ mixer: String) throws {
    let source = try ModelDirectory(Fixtures.model)
    let hybrid = try convert(to: mixer, preset: .portable)
    let head = 64 * 256 * 2
    for part in ["k", "v"] {
      let before = try source.reader.tensor(named: "model.layers.1.self_attn.\(part)_proj.weight").bytes
      let after = try tensor(hybrid, "\(part)_proj.weight").bytes
      for query in 0..<4 {
        let group = query / 2
        #expect(after[query * head..<(query + 1) * head].elementsEqual(before[group * head..<(group + 1) * head]))
      }
    }
  }

  /// Log decays of a token whose projection gives zero, channel by channel.
  private func logDecays(_ hybrid: ModelDirectory, bound: Double?) throws -> [Double] {
    if hybrid.reader.descriptor(named: "model.layers.1.linear_attn.gk_proj.1.bias") != nil {
      return try floats(hybrid, "gk_proj.1.bias").map { -log1p(exp(-$0)) / 16 }
    }
    let rates = try floats(hybrid, "A_log").map { exp($0) }
    return try floats(hybrid, "dt_bias").enumerated().map { index, bias in
      let rate = rates[index / 64]
      return bound.map { $0 / (1 + exp(-rate * bias)) } ?? -rate * log1p(exp(bias))
    }
  }

  @Test(
    "channels start with half-lives of 4 to 512 tokens over the heads",
    arguments: [
      (GatedLinearAttentionOptions.name, nil), (KimiDeltaAttentionOptions.name, nil),
      (KimiDeltaAttentionOptions.name, -5.0), (KimiDeltaAttentionOptions.name, -1),
    ] as [(String, Double?)])
  func halfLives(_ mixer: String, _ bound: Double?) throws {
    let options: JSONObject = bound.map { ["decayBound": .double($0)] } ?? [:]
    let decays = try logDecays(convert(to: mixer, options: options), bound: bound)
    #expect(decays.count == 256)
    for (index, decay) in decays.enumerated() {
      let halfLife = 4 * pow(128, Double(index / 64) / 3)
      #expect(abs(-log(2) / decay / halfLife - 1) < 1e-4, "channel \(index)")
    }
  }

  @Test("gates of the paper preset lie where the published code draws them")
  func paperGates() throws {
    let linear = try convert(to: GatedLinearAttentionOptions.name, preset: .paper)
    let biases = try floats(linear, "gk_proj.1.bias")
    #expect(biases.allSatisfy { abs($0) <= 0.25 } && Set(biases).count > 200)
    let delta = try convert(to: KimiDeltaAttentionOptions.name, gates: .paper)
    #expect(try floats(delta, "A_log").allSatisfy { (0...log(16)).contains($0) })
    let steps = try floats(delta, "dt_bias").map { log1p(exp($0)) }
    #expect(steps.allSatisfy { (0.000_999...0.100_1).contains($0) } && Set(steps).count > 200)
    let bounded = try convert(
      to: KimiDeltaAttentionOptions.name, options: ["decayBound": .integer(-5)], gates: .paper)
    #expect(try floats(bounded, "A_log") == [0, 0, 0, 0])
  }

  @Test(
    "new projections are drawn as wide as their inputs ask for, those of spread decays a tenth of it",
    arguments: [
      (GatedLinearAttentionOptions.name, "gk_proj.1", 16, true),
      (GatedLinearAttentionOptions.name, "gk_proj.0", 256, false),
      (KimiDeltaAttentionOptions.name, "f_proj.1", 64, true), (KimiDeltaAttentionOptions.name, "f_proj.0", 256, false),
      (KimiDeltaAttentionOptions.name, "g_proj.1", 64, false),
    ])
  func widths(_ mixer: String, _ name: String, _ inputs: Int, _ isDecay: Bool) throws {
    for gates in GateInitialisation.allCases {
      let hybrid = try convert(to: mixer, gates: gates)
      let weight = try tensor(hybrid, name + ".weight")
      let largest = (0..<weight.bytes.count / 2).map {
        let bits = weight.bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)
        return abs(Double(Float(bitPattern: UInt32(bits) << 16)))
      }.max()
      let bound = (isDecay && gates == .spread ? 0.1 : 1) / Double(inputs).squareRoot()
      // Rounding to bfloat16 may add a share of 2^-9.
      #expect((0.98 * bound...1.002 * bound).contains(try #require(largest)), "\(gates)")
    }
  }

  @Test("biases and norms of the source are carried by the best preset, and dropped by name by the others")
  func carried() throws {
    let source = TemporaryDirectory()
    try PicoModel(.qwen3, biases: true).write(to: source)
    for mixer in Self.mixers {
      let best = try convert(source.path, to: mixer)
      let before = try ModelDirectory(source.path).reader
      for part in ["q", "k"] {
        let norm = try before.tensor(named: "model.layers.1.self_attn.\(part)_norm.weight").bytes
        #expect(try tensor(best, "\(part)_norm.weight").bytes.elementsEqual(norm))
      }
      let request = ConversionRequest(
        source: source.path, keep: .layers([0]), mixer: mixer, choice: MixerChoice(preset: .portable))
      let conversion = try Conversion(request)
      #expect(conversion.accounting.dropped.contains { $0.tensor == "model.layers.1.self_attn.q_norm.weight" })
      #expect(conversion.text(outcome: nil).contains("loads in: Hybridize; layers re-lay without loss to FLA\n"))
    }
  }

  @Test(
    "options that the mixer or the source cannot have are an error of the arguments", arguments: mixers,
    [
      ("qkNorm", JSONValue.bool(true)), ("qkNormGain", .bool(true)), ("qkvBias", .bool(true)),
      ("decayRank", .integer(0)), ("decayBound", .integer(0)), ("outputNorm", .bool(false)),
      ("keyValueHeads", .integer(1)),
    ])
  func badOption(_ mixer: String, _ option: (name: String, value: JSONValue)) throws {
    let choice = MixerChoice(preset: .best, options: [option.name: option.value])
    expectProblem(.badMixerOption) {
      try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([0]), mixer: mixer, choice: choice))
    }
  }
}
