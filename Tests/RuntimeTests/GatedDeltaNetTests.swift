import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("gated DeltaNet")
struct GatedDeltaNetTests {
  @Test("a whole layer equals golden values, in every form", arguments: [nil, 1, 16, 32, 64] as [Int?])
  func goldenLayer(_ chunkSize: Int?) throws {
    let golden = try Golden("gated-deltanet-layer")
    for (backend, tolerance) in try goldenBackends() {
      expectLayer(
        try goldenLayer(golden, on: backend), x: golden["x"], y: golden["y"], state: golden["state"],
        chunkSize: chunkSize, on: backend, within: tolerance)
    }
  }

  @Test("the gradients of a whole layer equal golden values")
  func goldenGradients() throws {
    let golden = try Golden("gated-deltanet-layer")
    let (tokens, width) = (golden["x"].shape[0], golden["x"].shape[1])
    for (backend, tolerance) in try goldenBackends() {
      let parameters = TrainedParameters { $0.contains("linear_attn") }
      let layer = try goldenLayer(golden, on: backend, training: parameters)
      let (x, gradient, xGradient) = (
        backend.makeTensor(rows: tokens, columns: width), backend.makeTensor(rows: tokens, columns: width),
        backend.makeTensor(rows: tokens, columns: width)
      )
      backend.write(golden["x"].values, to: x)
      let workspace = Workspace(backend)
      let sequences = [SequenceRows(rows: 0..<tokens, position: 0)]
      let angles = RotaryEmbedding(theta: 10_000, headDimension: layer.headDimension)
        .angles(sequences, backend: backend, workspace: workspace)
      let context = TrainingContext(
        MixingContext(backend: backend, workspace: workspace, sequences: sequences, angles: angles), parameters)
      let pass = layer.pass(x, context: context, into: gradient)
      expectClose(backend.read(gradient), golden["y"].values, relative: tolerance, "y, \(backend.details)")
      backend.write(golden["dy"].values, to: gradient)
      pass.backward(gradient, context: context, into: xGradient)
      expectClose(backend.read(xGradient), golden["dx"].values, relative: 10 * tolerance, "dx, \(backend.details)")
      #expect(parameters.all.count == Self.goldenParts.count)
      for parameter in parameters.all {
        let part = parameter.name.split(separator: ".").dropFirst(4).first.map(String.init) ?? ""
        expectClose(
          backend.read(parameter.gradient), golden["d" + part].values, relative: 10 * tolerance,
          "\(parameter.name), \(backend.details)")
      }
    }
  }

  private static let goldenParts = [
    "q_proj", "k_proj", "v_proj", "g_proj", "a_proj", "b_proj", "o_proj", "o_norm", "A_log", "dt_bias",
  ]

  /// The golden weights as the first layer of a model.
  private func goldenLayer(
    _ golden: Golden, on backend: any Backend, training parameters: TrainedParameters? = nil
  ) throws -> GatedDeltaNet {
    let (heads, width) = (golden["state"].shape[0], golden["state"].shape[1])
    var pico = try PicoModel(
      mixers: [GatedDeltaNetOptions(keyValueHeads: heads)],
      fields: [
        "hidden_size": .integer(golden["x"].shape[1]), "num_attention_heads": .integer(heads),
        "num_key_value_heads": .integer(heads), "head_dim": .integer(width),
      ])
    for part in Self.goldenParts {
      let isParameter = part == "A_log" || part == "dt_bias"
      pico.set(
        "model.layers.0.linear_attn." + part + (isParameter ? "" : ".weight"), golden[part].values,
        shape: Shape(golden[part].shape))
    }
    let model = try pico.open(in: TemporaryDirectory()).load(on: backend, training: parameters)
    return try #require(model.blocks[0].mixer as? GatedDeltaNet)
  }

  struct Options: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let options: GatedDeltaNetOptions

    init(_ name: String, keyValueHeads: Int = 2, _ change: (inout GatedDeltaNetOptions) -> Void) {
      testDescription = name
      var options = GatedDeltaNetOptions(keyValueHeads: keyValueHeads)
      change(&options)
      self.options = options
    }

    static let all = [
      Options("plain") { _ in },
      Options("rotary") { $0.rotary = true },
      Options("convolution") { $0.convolution = 4 },
      Options("gain and biases") { ($0.qkNormGain, $0.qkvBias) = (true, true) },
      Options("neither activation nor output norm") { ($0.activation, $0.outputNorm) = (false, false) },
      Options("expanded heads", keyValueHeads: 4) { _ in },
      Options("one head of key and value", keyValueHeads: 1) { _ in },
      Options("everything") {
        ($0.rotary, $0.convolution, $0.qkNormGain, $0.qkvBias) = (true, 3, true, true)
      },
    ]
  }

  @Test("every option holds to what token mixers promise", arguments: Options.all)
  func options(_ options: Options) throws {
    let pico = try PicoModel(mixers: [options.options])
    checkTokenMixer(try pico.load(on: ReferenceBackend()), layer: 0, tolerance: 1e-11)
    checkTokenMixer(try pico.load(on: CPUBackend(threads: 2)), layer: 0, tolerance: 1e-5)
  }

  @Test("every option changes what is computed", arguments: Options.all.dropFirst())
  func optionsMatter(_ options: Options) throws {
    #expect(try picoLogits(options.options) != picoLogits(GatedDeltaNetOptions(keyValueHeads: 2)))
  }
}
