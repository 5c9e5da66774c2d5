import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("mixers with a decay for every channel: gated linear attention and Kimi delta attention")
struct PerChannelMixerTests {
  struct Options: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let mixer: any MixerSpecification

    init(_ name: String, _ mixer: any MixerSpecification) {
      testDescription = "\(type(of: mixer).name), \(name)"
      self.mixer = mixer
    }

    /// Gated linear attention.
    static func linear(
      _ name: String, keyValueHeads: Int = 2, _ change: (inout GatedLinearAttentionOptions) -> Void
    ) -> Options {
      var options = GatedLinearAttentionOptions(keyValueHeads: keyValueHeads)
      change(&options)
      return Options(name, options)
    }

    /// Kimi delta attention.
    static func delta(
      _ name: String, keyValueHeads: Int = 2, rank: Int = 6, _ change: (inout KimiDeltaAttentionOptions) -> Void
    ) -> Options {
      var options = KimiDeltaAttentionOptions(keyValueHeads: keyValueHeads, decayRank: rank, gateRank: rank)
      change(&options)
      return Options(name, options)
    }

    static let plain = [linear("plain") { _ in }, delta("plain") { _ in }]

    static let all = [
      linear("rotary") { $0.rotary = true },
      linear("convolution") { $0.convolution = 4 },
      linear("norm and biases") { ($0.qkNorm, $0.qkvBias) = (true, true) },
      linear("activation") { $0.activation = true },
      linear("another rank") { $0.decayRank = 3 },
      linear("expanded heads", keyValueHeads: 4) { _ in },
      linear("one head of key and value", keyValueHeads: 1) { _ in },
      linear("everything") {
        ($0.rotary, $0.convolution, $0.qkNorm, $0.qkvBias, $0.activation) = (true, 3, true, true, true)
      },
      delta("rotary") { $0.rotary = true },
      delta("no convolution") { $0.convolution = 0 },
      delta("gain and biases") { ($0.qkNormGain, $0.qkvBias) = (true, true) },
      delta("other ranks") { ($0.decayRank, $0.gateRank) = (3, 5) },
      delta("a bound") { $0.decayBound = -5 },
      delta("another bound") { $0.decayBound = -2.5 },
      delta("expanded heads", keyValueHeads: 4) { _ in },
      delta("one head of key and value", keyValueHeads: 1) { _ in },
      delta("everything") {
        ($0.rotary, $0.convolution, $0.qkNormGain, $0.qkvBias, $0.decayBound) = (true, 3, true, true, -5)
      },
    ]
  }

  static let goldenLayers: [(name: String, mixer: any MixerSpecification)] = {
    var linear = GatedLinearAttentionOptions(keyValueHeads: 2)
    (linear.rotary, linear.convolution, linear.qkNorm, linear.qkvBias) = (true, 3, true, true)
    (linear.activation, linear.decayRank) = (true, 5)
    var delta = KimiDeltaAttentionOptions(keyValueHeads: 2, decayRank: 5, gateRank: 7)
    (delta.rotary, delta.convolution, delta.qkNormGain, delta.qkvBias) = (true, 3, true, true)
    delta.decayBound = -5
    return [
      ("gla-plain", GatedLinearAttentionOptions(keyValueHeads: 3)), ("gla-all", linear),
      ("kda-plain", KimiDeltaAttentionOptions(keyValueHeads: 3, decayRank: 16, gateRank: 16)), ("kda-all", delta),
    ]
  }()

  @Test("whole layers equal golden values, in every form", arguments: goldenLayers.indices)
  func goldenLayer(_ index: Int) throws {
    let (name, mixer) = Self.goldenLayers[index]
    let golden = try Golden("linear-mixers")
    let (x, state) = (golden["\(name).x"], golden["\(name).state"])
    var pico = try PicoModel(
      mixers: [mixer],
      fields: [
        "hidden_size": .integer(x.shape[1]), "num_attention_heads": .integer(state.shape[0]),
        "num_key_value_heads": .integer(state.shape[0]), "head_dim": .integer(state.shape[1]),
        "rms_norm_eps": .double(1e-3),
      ])
    let prefix = "\(name).weights."
    for (key, entry) in golden.entries where key.hasPrefix(prefix) {
      pico.set(
        "model.layers.0.linear_attn." + key.dropFirst(prefix.count), entry.values, shape: Shape(entry.shape))
    }
    for (backend, tolerance) in try goldenBackends() {
      let layer = try #require(try pico.load(on: backend).blocks[0].mixer as? any LinearAttention)
      for chunkSize in [nil, 1, 16] {
        expectLayer(
          layer, x: x, y: golden["\(name).y"], state: state, chunkSize: chunkSize, on: backend, within: tolerance)
      }
    }
  }

  @Test("every option holds to what token mixers promise", arguments: Options.plain + Options.all)
  func options(_ options: Options) throws {
    let pico = try PicoModel(mixers: [options.mixer])
    checkTokenMixer(try pico.load(on: ReferenceBackend()), layer: 0, tolerance: 1e-11)
    checkTokenMixer(try pico.load(on: CPUBackend(threads: 2)), layer: 0, tolerance: 1e-4)
  }

  @Test("every option changes what is computed", arguments: Options.all)
  func optionsMatter(_ options: Options) throws {
    let plain = try #require(Options.plain.first { type(of: $0.mixer).name == type(of: options.mixer).name })
    #expect(try picoLogits(options.mixer) != picoLogits(plain.mixer))
  }

  @Test("config.json describes every option", arguments: Options.plain + Options.all)
  func roundTrip(_ options: Options) throws {
    let again = try type(of: options.mixer).init(json: options.mixer.json)
    #expect(again.json == options.mixer.json)
    let model = try ModelConfiguration(json: try #require(PicoModel(mixers: [options.mixer]).config.objectValue))
    #expect(model.mixers[0].json == options.mixer.json)
    #expect(model.mixers[0].tensors(model) == options.mixer.tensors(model))
  }

  @Test(
    "options that make no layer are refused by name",
    arguments: [
      ("decayRank", JSONValue.null), ("decayRank", .integer(0)), ("gateRank", .null), ("gateRank", .string("6")),
      ("decayBound", .double(0)), ("decayBound", .integer(5)), ("convolution", .integer(1)), ("keyValueHeads", .null),
    ])
  func refused(_ field: String, _ value: JSONValue) throws {
    for options in Options.plain where options.mixer.json[field] != nil {
      var json = options.mixer.json
      json[field] = value
      let error = #expect(throws: HybridizeError.self) { try type(of: options.mixer).init(json: json) }
      #expect(error?.expected?.contains(field) == true)
    }
  }
}
