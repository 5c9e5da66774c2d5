import HybridizeCompute

/// What a linear mixer keeps for the way back.
package struct LinearAttentionSaved {
  let x: Tensor
  /// Of query, key and value.
  let branches: [RecurrenceBranch.Saved]
  /// What the first steps of the decay's and the gate's projection gave.
  let decayFirst: Tensor
  let gateFirst: Tensor
  /// What the log decays were made of.
  let decayInput: Tensor
  let operands: RecurrenceOperands
  /// What the recurrence gave.
  let read: Tensor
  /// After the output norm; the same where there is none.
  let normed: Tensor
  /// Before its activation.
  let gate: Tensor
  /// What the output projection got.
  let gated: Tensor
}

extension LinearAttention {
  package func mixSaving(_ x: Tensor, context: TrainingContext, into out: Tensor) -> LinearAttentionSaved {
    let (backend, workspace) = (context.backend, context.workspace)
    let (gates, projections) = (gates, inputProjections)
    let projected = projections.map { workspace.tensor(rows: x.rows, columns: $0.outputs) }
    projections.apply(x, into: projected, backend)
    let saved = branches.indices.map { branches[$0].prepareSaving(projected[$0], headDimension, context) }
    let strength = gates.beta == nil ? nil : projected[5]
    if let strength { backend.sigmoid(strength) }
    let decayInput = gates.decay.second(projected[3], context.mixing)
    let logDecay = context.copy(decayInput)
    gates.logDecay.apply(logDecay, backend)
    let operands = RecurrenceOperands(
      query: saved[0].result, key: saved[1].result, value: saved[2].result, logDecay: logDecay, beta: strength)

    let read = workspace.tensor(rows: x.rows, columns: heads * headDimension)
    workspace.scope {
      let states = context.mixing.sequences.map { sequence in
        let state = workspace.tensor(rows: heads * headDimension, columns: headDimension)
        backend.fill(state, with: 0)
        return SequenceState(rows: sequence.rows, state: state)
      }
      backend.linearRecurrence(
        recurrence(nil), query: operands.query, key: operands.key, value: operands.value, logDecay: logDecay,
        beta: strength, sequences: states, into: read)
    }
    var normed = read
    if let outputNorm {
      normed = workspace.tensor(like: read)
      backend.rmsNorm(read, gain: outputNorm, epsilon: LinearAttentionEpsilon.outputNorm, into: normed)
    }
    let gate = gates.output.second(projected[4], context.mixing)
    let gated = context.copy(normed)
    gates.outputActivation.apply(gate, to: gated, backend)
    output.apply(gated, into: out, backend)
    return LinearAttentionSaved(
      x: x, branches: saved, decayFirst: projected[3], gateFirst: projected[4], decayInput: decayInput,
      operands: operands, read: read, normed: normed, gate: gate, gated: gated)
  }

  package func backward(
    _ saved: LinearAttentionSaved, gradient: Tensor, context: TrainingContext, into xGradient: Tensor?
  ) {
    let (backend, workspace) = (context.backend, context.workspace)
    let gates = gates
    workspace.scope {
      let readGradient = workspace.tensor(like: saved.gated)
      output.backward(saved.gated, gradient: gradient, context: context, into: readGradient)
      let gate = workspace.tensor(like: saved.gate)
      gates.outputActivation.backward(saved.normed, gate: saved.gate, inPlace: readGradient, into: gate, backend)
      let gateFirst = gates.output.backward(saved.gateFirst, gradient: gate, context)
      if let outputNorm {
        backend.rmsNormGradient(
          saved.read, gain: outputNorm, epsilon: LinearAttentionEpsilon.outputNorm, gradient: readGradient,
          into: readGradient, addingTo: context.parameters[outputNorm])
      }

      let operands = saved.operands
      let gradients = RecurrenceOperands(
        query: workspace.tensor(like: operands.query), key: workspace.tensor(like: operands.key),
        value: workspace.tensor(like: operands.value), logDecay: workspace.tensor(like: operands.logDecay),
        beta: operands.beta.map { workspace.tensor(like: $0) })
      backend.linearRecurrenceGradient(
        recurrence(nil), operands, sequences: context.mixing.sequences.map { RecurrenceSequence(rows: $0.rows) },
        gradient: readGradient, into: gradients)

      gates.logDecay.backward(saved.decayInput, inPlace: gradients.logDecay, context)
      let decayFirst = gates.decay.backward(saved.decayFirst, gradient: gradients.logDecay, context)
      if let beta = operands.beta, let gradient = gradients.beta { backend.sigmoidGradient(beta, inPlace: gradient) }
      let projected = zip(branches, zip(saved.branches, [gradients.query, gradients.key, gradients.value])).map {
        $0.backward($1.0, gradient: $1.1, headDimension, context)
      }
      inputProjections.backward(
        saved.x, gradients: projected + [decayFirst, gateFirst] + (gradients.beta.map { [$0] } ?? []),
        context: context, into: xGradient)
    }
  }
}

extension LogDecayRule {
  /// The way back: the gradient of the log decays becomes that of x, from which they were made.
  func backward(_ x: Tensor, inPlace gradient: Tensor, _ context: TrainingContext) {
    switch self {
    case .rate(let logRate, let bias, let bound):
      context.backend.logDecayGradient(
        x, logRate: logRate, bias: bias, bound: bound, inPlace: gradient, addingTo: context.parameters[logRate],
        context.parameters[bias])
    case .logSigmoid(let scale): context.backend.logSigmoidGradient(x, scale: scale, inPlace: gradient)
    }
  }
}

extension GateActivation {
  /// The way back: the gradient of the product becomes that of x.
  func backward(_ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor, _ backend: any Backend)
  {
    switch self {
    case .silu: backend.multiplySiLUGradient(x, gate: gate, inPlace: gradient, into: gateGradient)
    case .sigmoid: backend.multiplySigmoidGradient(x, gate: gate, inPlace: gradient, into: gateGradient)
    }
  }
}

extension LowRankProjection {
  /// The gradient of what the first step gave.
  ///
  /// - Parameter gradient: of what came out in the end.
  func backward(_ first: Tensor, gradient: Tensor, _ context: TrainingContext) -> Tensor {
    guard let second else { return gradient }
    let firstGradient = context.workspace.tensor(like: first)
    second.backward(first, gradient: gradient, context: context, into: firstGradient)
    return firstGradient
  }
}

extension RecurrenceBranch {
  /// What went into each step of the way, where the way back needs it.
  package struct Saved {
    let projected: Tensor
    let beforeActivation: Tensor
    let beforeNorm: Tensor
    let beforeUnitLength: Tensor
    let result: Tensor
  }

  /// `prepare` for whole sequences.
  func prepareSaving(_ projected: Tensor, _ headDimension: Int, _ context: TrainingContext) -> Saved {
    let (backend, workspace) = (context.backend, context.workspace)
    var z = projected
    if let convolution {
      z = workspace.tensor(like: projected)
      workspace.scope {
        let states = context.mixing.sequences.map { sequence in
          let history = workspace.tensor(rows: convolution.columns - 1, columns: projected.columns)
          backend.fill(history, with: 0)
          return SequenceState(rows: sequence.rows, state: history)
        }
        backend.convolution(projected, weight: convolution, sequences: states, into: z)
      }
    }
    let beforeActivation = z
    if activation {
      z = context.copy(z)
      backend.silu(z)
    }
    let beforeNorm = z
    switch norm {
    case .gain(let gain)?:
      z = context.copy(z)
      backend.scaleChannels(z, gain: gain)
    case .rms(let gain, let epsilon)?:
      z = workspace.tensor(like: beforeNorm)
      backend.rmsNorm(beforeNorm, gain: gain, epsilon: epsilon, into: z)
    case nil: break
    }
    if rotary {
      // What came before has been copied, or its way back does not ask what it gave.
      let angles = context.mixing.angles
      backend.rotate(z, headDimension: headDimension, cosine: angles.cosine, sine: angles.sine)
    }
    let beforeUnitLength = z
    if unitLength {
      z = context.copy(z)
      backend.l2Normalize(z, groupSize: headDimension, epsilon: LinearAttentionEpsilon.unitLength)
    }
    return Saved(
      projected: projected, beforeActivation: beforeActivation, beforeNorm: beforeNorm,
      beforeUnitLength: beforeUnitLength, result: z)
  }

  /// The gradient of what the projection gave.
  ///
  /// - Parameter gradient: of what went into the recurrence; may be left changed, or become the result.
  func backward(_ saved: Saved, gradient: Tensor, _ headDimension: Int, _ context: TrainingContext) -> Tensor {
    let backend = context.backend
    if unitLength {
      backend.l2NormalizeGradient(
        saved.beforeUnitLength, groupSize: headDimension, epsilon: LinearAttentionEpsilon.unitLength,
        inPlace: gradient)
    }
    if rotary {
      let angles = context.mixing.angles
      backend.rotateGradient(gradient, headDimension: headDimension, cosine: angles.cosine, sine: angles.sine)
    }
    switch norm {
    case .gain(let gain)?:
      backend.scaleChannelsGradient(
        saved.beforeNorm, gain: gain, inPlace: gradient, addingTo: context.parameters[gain])
    case .rms(let gain, let epsilon)?:
      backend.rmsNormGradient(
        saved.beforeNorm, gain: gain, epsilon: epsilon, gradient: gradient, into: gradient,
        addingTo: context.parameters[gain])
    case nil: break
    }
    if activation { backend.siluGradient(saved.beforeActivation, inPlace: gradient) }
    guard let convolution else { return gradient }
    let projectedGradient = context.workspace.tensor(like: gradient)
    backend.convolutionGradient(
      saved.projected, weight: convolution, sequences: context.mixing.sequences.map(\.rows), gradient: gradient,
      into: projectedGradient, addingTo: context.parameters[convolution])
    return projectedGradient
  }
}
