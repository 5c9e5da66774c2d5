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
      probe.runTogether([x, probe.inputs(length / 2 + 1, seed: 77)])[0], whole, absolute: tolerance,
      "beside another sequence, length \(length)", sourceLocation: sourceLocation)
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
  private var memory: StateMemory { StateMemory(backend) }

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
    let session = mixer.session(capacity: x.rows, memory: memory)
    return feed(x, pieces.filter { $0 > 0 }, from: 0, session)
  }

  /// The first part, then a fork for the rest, while the original state is led astray.
  func runForked(_ x: Tensor, at position: Int) -> [Double] {
    let session = mixer.session(capacity: x.rows + 4, memory: memory)
    let head = position > 0 ? feed(x, [position], from: 0, session) : []
    let fork = session.fork(tokens: position, memory: memory)
    _ = feed(inputs(4, seed: 999), [4], from: position, session, offset: 0)
    return head + feed(x, [x.rows - position], from: position, fork)
  }

  func stateBytes(tokens: Int) -> Int {
    mixer.session(capacity: tokens, memory: memory).byteCount(tokens: tokens)
  }

  private func feed(
    _ x: Tensor, _ pieces: [Int], from start: Int, _ session: any MixerSession, offset: Int? = nil
  ) -> [Double] {
    var position = start
    var row = offset ?? start
    var values: [Double] = []
    for piece in pieces {
      let out = backend.makeTensor(rows: piece, columns: x.columns)
      mix(x.rows(row..<row + piece), [(SequenceRows(rows: 0..<piece, position: position), session)], into: out)
      values += backend.read(out)
      position += piece
      row += piece
    }
    return values
  }

  /// Several sequences at a time: first all but their last tokens, then these.
  func runTogether(_ inputs: [Tensor]) -> [[Double]] {
    let sessions = inputs.map { mixer.session(capacity: $0.rows, memory: memory) }
    var outputs = inputs.map { _ in [Double]() }
    for pieces in [inputs.map { 0..<$0.rows - 1 }, inputs.map { $0.rows - 1..<$0.rows }] {
      let present = pieces.indices.filter { !pieces[$0].isEmpty }
      let x = backend.makeTensor(rows: present.reduce(0) { $0 + pieces[$1].count }, columns: inputs[0].columns)
      let out = backend.makeTensor(rows: x.rows, columns: x.columns)
      var sequences: [(SequenceRows, any MixerSession)] = []
      for index in present {
        let first = sequences.last?.0.rows.upperBound ?? 0
        let rows = first..<first + pieces[index].count
        backend.copy(inputs[index].rows(pieces[index]), to: x.rows(rows))
        sequences.append((SequenceRows(rows: rows, position: pieces[index].lowerBound), sessions[index]))
      }
      guard !sequences.isEmpty else { continue }
      mix(x, sequences, into: out)
      for (index, sequence) in zip(present, sequences) { outputs[index] += backend.read(out.rows(sequence.0.rows)) }
    }
    return outputs
  }

  private func mix(_ x: Tensor, _ sequences: [(rows: SequenceRows, session: any MixerSession)], into out: Tensor) {
    workspace.scope {
      let rows = sequences.map(\.rows)
      let angles = model.configuration.rotary.angles(rows, backend: backend, workspace: workspace)
      let context = MixingContext(backend: backend, workspace: workspace, sequences: rows, angles: angles)
      sequences[0].session.mix(x, together: sequences.map(\.session), context: context, into: out)
    }
  }
}
