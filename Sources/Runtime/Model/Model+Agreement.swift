import HybridizeCompute
import HybridizeCore

/// How well the two forms of a layer's mixer agree.
public struct MixerAgreement: Sendable, Equatable {
  public let layer: Int
  public let mixer: String
  /// Largest difference between the outputs of prefill and of step by step.
  public let largestDifference: Double
  /// Largest output, to judge the difference by.
  public let largestOutput: Double

  package init(layer: Int, mixer: String, largestDifference: Double, largestOutput: Double) {
    self.layer = layer
    self.mixer = mixer
    self.largestDifference = largestDifference
    self.largestOutput = largestOutput
  }
}

extension Model {
  /// Runs every layer's mixer over the same inputs twice, as one prefill and token by token.
  ///
  /// The inputs are what the layer sees when the model reads `ids`.
  ///
  /// - Throws: as `forward`.
  public func mixerAgreement(_ ids: [Int]) throws(HybridizeError) -> [MixerAgreement] {
    var inputs: [Tensor] = []
    try trace(ids) { x in
      let copy = backend.makeTensor(rows: x.rows, columns: x.columns)
      backend.copy(x, to: copy)
      inputs.append(copy)
    }
    let workspace = Workspace(backend)
    return zip(blocks, inputs).enumerated().map { index, layer in
      let (block, x) = layer
      let normed = backend.makeTensor(rows: x.rows, columns: x.columns)
      backend.rmsNorm(x, gain: block.mixerNorm, epsilon: block.normEpsilon, into: normed)
      let whole = backend.makeTensor(rows: x.rows, columns: x.columns)
      let stepped = backend.makeTensor(rows: x.rows, columns: x.columns)
      run(block, normed, pieces: [0..<x.rows], workspace, into: whole)
      run(block, normed, pieces: (0..<x.rows).map { $0..<$0 + 1 }, workspace, into: stepped)
      let (a, b) = (backend.read(whole), backend.read(stepped))
      return MixerAgreement(
        layer: index, mixer: type(of: configuration.mixers[index]).name,
        largestDifference: zip(a, b).map { $0 - $1 }.largestMagnitude,
        largestOutput: a.largestMagnitude)
    }
  }

  private func run(
    _ block: Block, _ x: Tensor, pieces: [Range<Int>], _ workspace: Workspace, into out: Tensor
  ) {
    let session = block.mixer.session(capacity: x.rows, memory: StateMemory(backend))
    for piece in pieces {
      workspace.scope {
        let sequences = [SequenceRows(rows: 0..<piece.count, position: piece.lowerBound, length: x.rows)]
        let angles = configuration.rotary.angles(sequences, backend: backend, workspace: workspace)
        let context = MixingContext(backend: backend, workspace: workspace, sequences: sequences, angles: angles)
        session.mix(x.rows(piece), together: [session], context: context, into: out.rows(piece))
      }
    }
  }
}
