import HybridizeCompute

/// A mixer around `Backend.linearRecurrence`: query, key and value on their ways to it, decay and strength of what is
/// written, and a norm and a gate between what is read and the output projection. Mixers differ in decay, strength and
/// gate.
package protocol LinearAttention: TokenMixer where State == RecurrentState {
  var heads: Int { get }
  var headDimension: Int { get }
  var query: RecurrenceBranch { get }
  var key: RecurrenceBranch { get }
  var value: RecurrenceBranch { get }
  /// `[1, headDimension]`
  var outputNorm: Weight? { get }
  var output: Projection { get }
  var kind: (decay: LinearRecurrenceShape.Decay, update: LinearRecurrenceShape.Update) { get }

  /// The log decays of the tokens of x, as `kind` has them, taken from the workspace.
  func logDecay(_ x: Tensor, _ context: MixingContext) -> Tensor
  /// The strengths of the delta rule, `[tokens, heads]`, taken from the workspace.
  func strength(_ x: Tensor, _ context: MixingContext) -> Tensor?
  /// Multiplies what the recurrence gave for the tokens of x by the output gate, in place.
  func applyGate(_ x: Tensor, to mixed: Tensor, _ context: MixingContext)
}

extension LinearAttention {
  package func makeState(capacity: Int, backend: any Backend) -> RecurrentState {
    RecurrentState(
      recurrent: (heads * headDimension, headDimension),
      convolutions: [query, key, value].map { ($0.convolution?.columns ?? 1, $0.projection.outputs) },
      backend: backend)
  }

  package func prefill(_ x: Tensor, state: RecurrentState, context: MixingContext, into out: Tensor) {
    mix(x, state: state, context: context, chunkSize: nil, into: out)
  }

  /// The layer for the tokens of x.
  ///
  /// - Parameter chunkSize: the form of the recurrence, see `LinearRecurrenceShape`.
  package func mix(_ x: Tensor, state: RecurrentState, context: MixingContext, chunkSize: Int?, into out: Tensor) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let q = query.apply(x, history: state.histories[0], headDimension, context)
      let k = key.apply(x, history: state.histories[1], headDimension, context)
      let v = value.apply(x, history: state.histories[2], headDimension, context)
      let mixed = workspace.tensor(rows: x.rows, columns: heads * headDimension)
      backend.linearRecurrence(
        recurrence(chunkSize), query: q, key: k, value: v, logDecay: logDecay(x, context), beta: strength(x, context),
        state: state.recurrent, into: mixed)
      if let outputNorm {
        backend.rmsNorm(mixed, gain: outputNorm, epsilon: LinearAttentionEpsilon.outputNorm, into: mixed)
      }
      applyGate(x, to: mixed, context)
      output.apply(mixed, into: out, backend)
    }
  }

  private func recurrence(_ chunkSize: Int?) -> LinearRecurrenceShape {
    LinearRecurrenceShape(
      heads: heads, keyValueHeads: key.projection.outputs / headDimension, keyDimension: headDimension,
      valueDimension: headDimension, scale: 1 / Double(headDimension).squareRoot(), decay: kind.decay,
      update: kind.update, chunkSize: chunkSize)
  }
}

/// What linear mixers add under square roots.
package enum LinearAttentionEpsilon {
  /// In the L2 norm of query and key.
  package static let unitLength = 1e-6
  /// In the output norm, whatever the teacher's.
  package static let outputNorm = 1e-5
}

/// The way of query, key or value from x to the recurrence: projection with its bias, convolution, SiLU, gain or norm,
/// rotation, L2 norm; each but the first where there is one.
package struct RecurrenceBranch {
  /// What a weight `[1, headDimension]` does to every head of query and key.
  package enum HeadNorm {
    /// Scales the channels, which an L2 norm follows.
    case gain(Weight)
    /// An RMSNorm.
    case rms(Weight, epsilon: Double)
  }

  package let projection: Projection
  /// `[channels, kernel]`
  package let convolution: Weight?
  package let activation: Bool
  package let norm: HeadNorm?
  package let rotary: Bool
  /// Heads end at length one.
  package let unitLength: Bool

  /// What goes into the recurrence for the tokens of x, taken from the workspace.
  func apply(_ x: Tensor, history: Tensor?, _ headDimension: Int, _ context: MixingContext) -> Tensor {
    let backend = context.backend
    var z = projection.apply(x, context)
    if let convolution, let history {
      let convolved = context.workspace.tensor(like: z)
      backend.convolution(z, weight: convolution, history: history, into: convolved)
      z = convolved
    }
    if activation { backend.silu(z) }
    switch norm {
    case .gain(let gain)?: backend.scaleChannels(z, gain: gain)
    case .rms(let gain, let epsilon)?: backend.rmsNorm(z, gain: gain, epsilon: epsilon, into: z)
    case nil: break
    }
    if rotary {
      backend.rotate(z, headDimension: headDimension, cosine: context.angles.cosine, sine: context.angles.sine)
    }
    if unitLength {
      backend.l2Normalize(z, groupSize: headDimension, epsilon: LinearAttentionEpsilon.unitLength)
    }
    return z
  }
}

/// A linear layer in two steps, through few channels.
package struct LowRankProjection: Sendable {
  package let down: Projection
  package let up: Projection

  /// The outputs for the tokens of x, taken from the workspace.
  func apply(_ x: Tensor, _ context: MixingContext) -> Tensor {
    up.apply(down.apply(x, context), context)
  }
}

extension Projection {
  /// The outputs for the tokens of x, taken from the workspace.
  func apply(_ x: Tensor, _ context: MixingContext) -> Tensor {
    let out = context.workspace.tensor(rows: x.rows, columns: outputs)
    apply(x, into: out, context.backend)
    return out
  }
}
