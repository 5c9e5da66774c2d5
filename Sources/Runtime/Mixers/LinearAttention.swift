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

  /// What decay, gate and strength start from: projections of x, made together with those of query, key and value.
  var gateProjections: GateProjections { get }

  /// The log decays, as `kind` has them, from what their projection gave; may be made in place.
  func logDecay(_ projected: Tensor, _ context: MixingContext) -> Tensor
  /// Multiplies what the recurrence gave by the output gate, in place.
  func applyGate(_ projected: Tensor, to mixed: Tensor, _ context: MixingContext)
}

/// The projections of x beside query, key and value. Of a projection in two steps the first.
package struct GateProjections {
  let decay: Projection
  let gate: Projection
  /// Of the delta rule: its strength is the sigmoid, `[tokens, heads]`.
  let beta: Projection?
}

extension LinearAttention {
  package func makeState(capacity: Int, memory: StateMemory) -> RecurrentState {
    RecurrentState(
      recurrent: (heads * headDimension, headDimension),
      convolutions: [query, key, value].map { ($0.convolution?.columns ?? 1, $0.projection.outputs) },
      memory: memory)
  }

  package func mix(_ x: Tensor, states: [RecurrentState], context: MixingContext, into out: Tensor) {
    mix(x, states: states, context: context, chunkSize: nil, into: out)
  }

  /// The layer for the tokens of x.
  ///
  /// - Parameter chunkSize: the form of the recurrence, see `LinearRecurrenceShape`.
  package func mix(
    _ x: Tensor, states: [RecurrentState], context: MixingContext, chunkSize: Int?, into out: Tensor
  ) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let branches = [query, key, value]
      let gates = gateProjections
      let projections = branches.map(\.projection) + [gates.decay, gates.gate] + (gates.beta.map { [$0] } ?? [])
      let projected = projections.map { workspace.tensor(rows: x.rows, columns: $0.outputs) }
      projections.apply(x, into: projected, backend)

      let inputs = branches.indices.map { index in
        branches[index].prepare(projected[index], histories: states.map { $0.histories[index] }, headDimension, context)
      }
      let strength = gates.beta == nil ? nil : projected[5]
      if let strength { backend.sigmoid(strength) }
      let mixed = workspace.tensor(rows: x.rows, columns: heads * headDimension)
      backend.linearRecurrence(
        recurrence(chunkSize), query: inputs[0], key: inputs[1], value: inputs[2],
        logDecay: logDecay(projected[3], context), beta: strength,
        sequences: context.states(states.map(\.recurrent)), into: mixed)
      if let outputNorm {
        backend.rmsNorm(mixed, gain: outputNorm, epsilon: LinearAttentionEpsilon.outputNorm, into: mixed)
      }
      applyGate(projected[4], to: mixed, context)
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

  /// What goes into the recurrence, from what the projection gave: in place or taken from the workspace.
  ///
  /// - Parameter histories: of the convolution, one for each sequence.
  func prepare(
    _ projected: Tensor, histories: [Tensor?], _ headDimension: Int, _ context: MixingContext
  ) -> Tensor {
    let backend = context.backend
    var z = projected
    if let convolution {
      z = context.workspace.tensor(like: projected)
      backend.convolution(
        projected, weight: convolution, sequences: context.states(histories.compactMap(\.self)), into: z)
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
}

extension Projection {
  /// The outputs for the tokens of x, taken from the workspace.
  func apply(_ x: Tensor, _ context: MixingContext) -> Tensor {
    let out = context.workspace.tensor(rows: x.rows, columns: outputs)
    apply(x, into: out, context.backend)
    return out
  }
}
