import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("gated DeltaNet")
struct GatedDeltaNetTests {
  @Test("a whole layer equals golden values, in every form", arguments: [nil, 1, 16, 32, 64] as [Int?])
  func goldenLayer(_ chunkSize: Int?) throws {
    try expectGolden(chunkSize, on: ReferenceBackend(), within: 1e-11)
    for instructionSet in InstructionSet.available {
      try expectGolden(chunkSize, on: CPUBackend(threads: 2, instructionSet: instructionSet), within: 1e-5)
    }
  }

  private func expectGolden(_ chunkSize: Int?, on backend: any Backend, within tolerance: Double) throws {
    let golden = try Golden("gated-deltanet-layer")
    let layer = try goldenLayer(golden, on: backend)
    let (tokens, width) = (golden["x"].shape[0], golden["x"].shape[1])
    let x = backend.makeTensor(rows: tokens, columns: width)
    backend.write(golden["x"].values, to: x)
    let out = backend.makeTensor(rows: tokens, columns: width)
    backend.fill(out, with: .nan)
    let state = layer.makeState(capacity: tokens, memory: StateMemory(backend))
    let workspace = Workspace(backend)
    workspace.scope {
      let sequences = [SequenceRows(rows: 0..<tokens, position: 0)]
      let angles = RotaryEmbedding(theta: 10_000, headDimension: layer.headDimension)
        .angles(sequences, backend: backend, workspace: workspace)
      let context = MixingContext(backend: backend, workspace: workspace, sequences: sequences, angles: angles)
      layer.mix(x, states: [state], context: context, chunkSize: chunkSize, into: out)
    }
    let name = "\(backend.details), chunks of \(chunkSize ?? 0)"
    expectClose(backend.read(out), golden["y"].values, relative: tolerance, "output, \(name)")
    expectClose(backend.read(state.recurrent), golden["state"].values, relative: tolerance, "state, \(name)")
  }

  /// The golden weights as the first layer of a model.
  private func goldenLayer(_ golden: Golden, on backend: any Backend) throws -> GatedDeltaNet {
    let (heads, width) = (golden["state"].shape[0], golden["state"].shape[1])
    var pico = try PicoModel(
      mixers: [GatedDeltaNetOptions(keyValueHeads: heads)],
      fields: [
        "hidden_size": .integer(golden["x"].shape[1]), "num_attention_heads": .integer(heads),
        "num_key_value_heads": .integer(heads), "head_dim": .integer(width),
      ])
    for part in ["q_proj", "k_proj", "v_proj", "g_proj", "a_proj", "b_proj", "o_proj", "o_norm", "A_log", "dt_bias"] {
      let isParameter = part == "A_log" || part == "dt_bias"
      pico.set(
        "model.layers.0.linear_attn." + part + (isParameter ? "" : ".weight"), golden[part].values,
        shape: Shape(golden[part].shape))
    }
    return try #require(try pico.load(on: backend).blocks[0].mixer as? GatedDeltaNet)
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
    func logits(_ options: GatedDeltaNetOptions) throws -> [Float] {
      let model = try PicoModel(mixers: [options]).load(on: ReferenceBackend())
      return try model.lastLogits([3, 1, 4, 1, 5], state: model.makeState(capacity: 5))
    }
    #expect(try logits(options.options) != logits(GatedDeltaNetOptions(keyValueHeads: 2)))
  }
}
