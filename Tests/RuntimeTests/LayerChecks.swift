import HybridizeCompute
import HybridizeRuntime
import TestSupport
import Testing

/// The backends that golden layers are expected of, and how exactly.
func goldenBackends() throws -> [(backend: any Backend, tolerance: Double)] {
  try [(ReferenceBackend(), 1e-11)]
    + InstructionSet.available.map { (try CPUBackend(threads: 2, instructionSet: $0), 1e-5) }
}

/// Expects a layer to give `y` and `state` for `x`.
func expectLayer(
  _ layer: any LinearAttention, x expectedInput: Golden.Entry, y: Golden.Entry, state expectedState: Golden.Entry,
  chunkSize: Int?, on backend: any Backend, within tolerance: Double
) {
  let (tokens, width) = (expectedInput.shape[0], expectedInput.shape[1])
  let x = backend.makeTensor(rows: tokens, columns: width)
  backend.write(expectedInput.values, to: x)
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
  expectClose(backend.read(out), y.values, relative: tolerance, "output, \(name)")
  expectClose(backend.read(state.recurrent), expectedState.values, relative: tolerance, "state, \(name)")
}

/// The last logits of a model with random weights whose only layer has this mixer.
func picoLogits(_ mixer: any MixerSpecification) throws -> [Float] {
  let model = try PicoModel(mixers: [mixer]).load(on: ReferenceBackend())
  return try model.lastLogits([3, 1, 4, 1, 5], state: model.makeState(capacity: 5))
}
