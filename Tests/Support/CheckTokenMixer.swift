import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import Testing

/// What every token mixer must hold to: the same outputs in one prefill, in pieces and step by step; a forked state
/// that goes its own way; a state whose size is what the mixer says.
///
/// - Parameter tolerance: accepted difference between the forms.
package func checkTokenMixer(
  _ model: Model, layer: Int, tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation
) {
  let probe = MixerProbe(model, layer: layer)
  for length in [1, 2, 63, 64, 65, 100] {
    let x = probe.inputs(length, seed: UInt64(length))
    let whole = probe.run(x, pieces: [length])
    expectClose(
      probe.run(x, pieces: Array(repeating: 1, count: length)), whole, absolute: tolerance,
      "step by step, length \(length)", sourceLocation: sourceLocation)
    if length > 2 {
      expectClose(
        probe.run(x, pieces: [length / 3, 1, length - length / 3 - 1]), whole, absolute: tolerance,
        "in pieces, length \(length)", sourceLocation: sourceLocation)
    }
    expectClose(
      probe.runForked(x, at: length / 2), whole, absolute: tolerance, "forked, length \(length)",
      sourceLocation: sourceLocation)
  }
  let memory = model.configuration.mixers[layer].memory(model.configuration)
  let elementBytes = model.backend.activationType.bitsPerElement / 8
  #expect(
    probe.stateBytes(tokens: 10) == memory.elements(tokens: 10) * elementBytes, "size of the state",
    sourceLocation: sourceLocation)
}

/// Runs the mixer of one layer by itself.
private struct MixerProbe {
  private let model: Model
  private let mixer: any TokenMixer
  private let backend: any Backend
  private let workspace: Workspace

  init(_ model: Model, layer: Int) {
    self.model = model
    mixer = model.blocks[layer].mixer
    backend = model.backend
    workspace = Workspace(model.backend)
  }

  func inputs(_ length: Int, seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed, stream: "mixer")
    let x = backend.makeTensor(rows: length, columns: model.configuration.hiddenSize)
    backend.write((0..<x.elementCount).map { _ in generator.uniform(-1, 1) }, to: x)
    return x
  }

  func run(_ x: Tensor, pieces: [Int]) -> [Double] {
    let session = mixer.session(capacity: x.rows, backend: backend)
    return feed(x, pieces.filter { $0 > 0 }, from: 0, session)
  }

  /// The first part, then a fork for the rest, while the original state is led astray.
  func runForked(_ x: Tensor, at position: Int) -> [Double] {
    let session = mixer.session(capacity: x.rows + 4, backend: backend)
    let head = position > 0 ? feed(x, [position], from: 0, session) : []
    let fork = session.fork(tokens: position, backend: backend)
    _ = feed(inputs(4, seed: 999), [4], from: position, session, offset: 0)
    return head + feed(x, [x.rows - position], from: position, fork)
  }

  func stateBytes(tokens: Int) -> Int {
    mixer.session(capacity: tokens, backend: backend).byteCount(tokens: tokens)
  }

  private func feed(
    _ x: Tensor, _ pieces: [Int], from start: Int, _ session: any MixerSession, offset: Int? = nil
  ) -> [Double] {
    var position = start
    var row = offset ?? start
    var values: [Double] = []
    for piece in pieces {
      let out = backend.makeTensor(rows: piece, columns: x.columns)
      workspace.scope {
        let angles = model.configuration.rotary.angles(
          position..<position + piece, backend: backend, workspace: workspace)
        let context = MixingContext(
          backend: backend, workspace: workspace, position: position, angles: angles)
        session.mix(x.rows(row..<row + piece), context: context, into: out)
      }
      values += backend.read(out)
      position += piece
      row += piece
    }
    return values
  }
}
