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

  var gates: LinearAttentionGates { get }
}

/// What a linear mixer makes of x beside query, key and value: how fast its state forgets, how strongly it is written,
/// and what of it comes through.
package struct LinearAttentionGates: Sendable {
  let decay: LowRankProjection
  let logDecay: LogDecayRule
  let output: LowRankProjection
  let outputActivation: GateActivation
  /// Of the delta rule: its strength is the sigmoid, `[tokens, heads]`.
  let beta: Projection?
}

/// From a projection to log decays.
package enum LogDecayRule: Sendable {
  /// `-exp(logRate) softplus(x + bias)`, or with a bound `bound sigmoid(exp(logRate) (x + bias))`.
  case rate(logRate: Weight, bias: Weight, bound: Double?)
  /// `scale log(sigmoid(x))`.
  case logSigmoid(scale: Double)

  /// In place.
  func apply(_ x: Tensor, _ backend: any Backend) {
    switch self {
    case .rate(let logRate, let bias, let bound): backend.logDecay(x, logRate: logRate, bias: bias, bound: bound)
    case .logSigmoid(let scale): backend.logSigmoid(x, scale: scale)
    }
  }
}

/// What an output gate is of its projection.
package enum GateActivation: Sendable {
  case silu
  case sigmoid

  /// Multiplies x by the gate, in place.
  func apply(_ gate: Tensor, to x: Tensor, _ backend: any Backend) {
    switch self {
    case .silu: backend.multiplySiLU(gate, into: x)
    case .sigmoid: backend.multiplySigmoid(gate, into: x)
    }
  }
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
      let gates = gates
      let projections = inputProjections
      let projected = projections.map { workspace.tensor(rows: x.rows, columns: $0.outputs) }
      projections.apply(x, into: projected, backend)

      let inputs = branches.indices.map { index in
        branches[index].prepare(projected[index], histories: states.map { $0.histories[index] }, headDimension, context)
      }
      let strength = gates.beta == nil ? nil : projected[5]
      if let strength { backend.sigmoid(strength) }
      let logDecay = gates.decay.second(projected[3], context)
      gates.logDecay.apply(logDecay, backend)
      let mixed = workspace.tensor(rows: x.rows, columns: heads * headDimension)
      backend.linearRecurrence(
        recurrence(chunkSize), query: inputs[0], key: inputs[1], value: inputs[2],
        logDecay: logDecay, beta: strength,
        sequences: context.states(states.map(\.recurrent)), into: mixed)
      if let outputNorm {
        backend.rmsNorm(mixed, gain: outputNorm, epsilon: LinearAttentionEpsilon.outputNorm, into: mixed)
      }
      gates.outputActivation.apply(gates.output.second(projected[4], context), to: mixed, backend)
      output.apply(mixed, into: out, backend)
    }
  }

  var branches: [RecurrenceBranch] { [query, key, value] }

  /// All that is projected from x, made together: query, key, value, decay, gate and, by the delta rule, strength.
  var inputProjections: [Projection] {
    branches.map(\.projection) + [gates.decay.first, gates.output.first] + (gates.beta.map { [$0] } ?? [])
  }

  func recurrence(_ chunkSize: Int?) -> LinearRecurrenceShape {
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

/// A linear layer, in one step or in two through few channels.
package struct LowRankProjection: Sendable {
  /// Made together with others of the same input.
  package let first: Projection
  package let second: Projection?

  package init(_ first: Projection, _ second: Projection? = nil) {
    self.first = first
    self.second = second
  }

  /// The outputs from those of the first step: these themselves, or taken from the workspace.
  func second(_ x: Tensor, _ context: MixingContext) -> Tensor {
    guard let second else { return x }
    let out = context.workspace.tensor(rows: x.rows, columns: second.outputs)
    second.apply(x, into: out, context.backend)
    return out
  }
}
