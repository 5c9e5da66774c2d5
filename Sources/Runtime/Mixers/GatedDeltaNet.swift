import HybridizeCompute
import HybridizeCore

/// Gated DeltaNet: linear attention whose state forgets (decay) and corrects (delta rule).
///
/// For each token `x`: q, k, v are projections, each with its convolution, SiLU, gain and rotation where the
/// options ask for them, q and k normalised to length one; `beta = sigmoid(W_b x)`;
/// `g = -exp(A_log) softplus(W_a x + dt_bias)`. With the state S of each head,
/// `S = e^g S; S = S + k (beta (v - S^T k))^T; o = d^-1/2 S^T q`, and the output is
/// `W_o (norm(o) * SiLU(W_g x))`.
package struct GatedDeltaNet: TokenMixer {
  /// The way of query, key or value from x to the recurrence.
  package struct Branch {
    package let projection: Projection
    /// `[channels, kernel]`
    package let convolution: Weight?
    /// `[1, headDimension]`
    package let gain: Weight?
  }

  package let options: GatedDeltaNetOptions
  package let heads: Int
  package let headDimension: Int
  package let query: Branch
  package let key: Branch
  package let value: Branch
  package let gate: Projection
  package let decay: Projection
  package let beta: Projection
  package let output: Projection
  package let logRate: Weight
  package let decayBias: Weight
  package let outputNorm: Weight?

  /// Epsilon under the square root of the L2 norm of query and key.
  package static let l2Epsilon = 1e-6
  /// Epsilon of the output norm, whatever the teacher's.
  package static let normEpsilon = 1e-5

  package func makeState(capacity: Int, backend: any Backend) -> GatedDeltaNetState {
    GatedDeltaNetState(
      recurrent: (heads * headDimension, headDimension),
      convolutions: [query, key, value].map { ($0.convolution?.columns ?? 1, $0.projection.outputs) },
      backend: backend)
  }

  package func prefill(_ x: Tensor, state: GatedDeltaNetState, context: MixingContext, into out: Tensor) {
    mix(x, state: state, context: context, chunkSize: nil, into: out)
  }

  /// The layer for the tokens of x.
  ///
  /// - Parameter chunkSize: the form of the recurrence, see `LinearRecurrenceShape`.
  package func mix(
    _ x: Tensor, state: GatedDeltaNetState, context: MixingContext, chunkSize: Int?, into out: Tensor
  ) {
    let backend = context.backend
    let workspace = context.workspace
    workspace.scope {
      let q = apply(query, x, history: state.histories[0], rotated: true, context)
      let k = apply(key, x, history: state.histories[1], rotated: true, context)
      let v = apply(value, x, history: state.histories[2], rotated: false, context)
      let logDecay = workspace.tensor(rows: x.rows, columns: heads)
      decay.apply(x, into: logDecay, backend)
      backend.logDecay(logDecay, logRate: logRate, bias: decayBias, bound: nil)
      let strength = workspace.tensor(rows: x.rows, columns: heads)
      beta.apply(x, into: strength, backend)
      backend.sigmoid(strength)

      let mixed = workspace.tensor(rows: x.rows, columns: heads * headDimension)
      backend.linearRecurrence(
        recurrence(chunkSize), query: q, key: k, value: v, logDecay: logDecay, beta: strength,
        state: state.recurrent, into: mixed)
      if let outputNorm { backend.rmsNorm(mixed, gain: outputNorm, epsilon: Self.normEpsilon, into: mixed) }
      let gated = workspace.tensor(like: mixed)
      gate.apply(x, into: gated, backend)
      backend.multiplySiLU(gated, into: mixed)
      output.apply(mixed, into: out, backend)
    }
  }

  private func recurrence(_ chunkSize: Int?) -> LinearRecurrenceShape {
    LinearRecurrenceShape(
      heads: heads, keyValueHeads: options.keyValueHeads, keyDimension: headDimension,
      valueDimension: headDimension, scale: 1 / Double(headDimension).squareRoot(), chunkSize: chunkSize)
  }

  /// Query, key (rotated and normalised) or value for the recurrence, taken from the workspace.
  private func apply(
    _ branch: Branch, _ x: Tensor, history: Tensor?, rotated: Bool, _ context: MixingContext
  ) -> Tensor {
    let backend = context.backend
    var z = context.workspace.tensor(rows: x.rows, columns: branch.projection.outputs)
    branch.projection.apply(x, into: z, backend)
    if let convolution = branch.convolution, let history {
      let convolved = context.workspace.tensor(like: z)
      backend.convolution(z, weight: convolution, history: history, into: convolved)
      z = convolved
    }
    if options.activation { backend.silu(z) }
    guard rotated else { return z }
    if let gain = branch.gain { backend.scaleChannels(z, gain: gain) }
    if options.rotary {
      backend.rotate(z, headDimension: headDimension, cosine: context.angles.cosine, sine: context.angles.sine)
    }
    backend.l2Normalize(z, groupSize: headDimension, epsilon: Self.l2Epsilon)
    return z
  }
}

/// The matrix state of every head, `[heads * headDimension, headDimension]`, and the last inputs of each
/// convolution.
package final class GatedDeltaNetState: MixerState {
  package let recurrent: Tensor
  /// `[kernel - 1, channels]` for query, key and value; `nil` without a convolution.
  package let histories: [Tensor?]
  private let elementBytes: Int

  init(recurrent: (rows: Int, columns: Int), convolutions: [(kernel: Int, channels: Int)], backend: any Backend) {
    self.recurrent = backend.makeTensor(rows: recurrent.rows, columns: recurrent.columns)
    backend.fill(self.recurrent, with: 0)
    histories = convolutions.map { kernel, channels in
      guard kernel > 1 else { return nil }
      let history = backend.makeTensor(rows: kernel - 1, columns: channels)
      backend.fill(history, with: 0)
      return history
    }
    elementBytes = backend.activationType.bitsPerElement / 8
  }

  package func byteCount(tokens: Int) -> Int {
    (recurrent.elementCount + histories.reduce(0) { $0 + ($1?.elementCount ?? 0) }) * elementBytes
  }

  package func fork(tokens: Int, backend: any Backend) -> GatedDeltaNetState {
    let copy = GatedDeltaNetState(
      recurrent: (recurrent.rows, recurrent.columns),
      convolutions: histories.map { ($0.map { $0.rows + 1 } ?? 1, $0?.columns ?? 0) }, backend: backend)
    backend.copy(recurrent, to: copy.recurrent)
    for case (let source?, let target?) in zip(histories, copy.histories) { backend.copy(source, to: target) }
    return copy
  }
}
