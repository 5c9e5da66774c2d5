import HybridizeCompute

/// SwiGLU: `down(SiLU(gate(x)) * up(x))` (Shazeer 2020).
package struct FeedForward: Sendable {
  package let gate: Projection
  package let up: Projection
  package let down: Projection

  /// `out += ` the layer's output; x and out `[tokens, hiddenSize]`.
  package func apply(_ x: Tensor, addingTo out: Tensor, _ backend: any Backend, _ workspace: Workspace) {
    workspace.scope {
      let inner = workspace.tensor(rows: x.rows, columns: up.outputs)
      if gate.bias == nil && up.bias == nil {
        backend.swiGLU(x, gate: gate.weight, up: up.weight, into: inner)
      } else {
        let gated = workspace.tensor(like: inner)
        gate.apply(x, into: gated, backend)
        up.apply(x, into: inner, backend)
        backend.multiplySiLU(gated, into: inner)
      }
      down.apply(inner, addingTo: out, backend)
    }
  }
}

extension FeedForward {
  package struct Saved {
    let x: Tensor
    /// What the projections gave.
    let gate: Tensor
    let up: Tensor
    /// What the output projection got.
    let inner: Tensor
  }

  /// `apply` in training.
  func applySaving(_ x: Tensor, addingTo out: Tensor, _ context: TrainingContext) -> Saved {
    let (backend, workspace) = (context.backend, context.workspace)
    let gated = workspace.tensor(rows: x.rows, columns: gate.outputs)
    let raised = workspace.tensor(like: gated)
    [gate, up].apply(x, into: [gated, raised], backend)
    let inner = context.copy(raised)
    backend.multiplySiLU(gated, into: inner)
    down.apply(inner, addingTo: out, backend)
    return Saved(x: x, gate: gated, up: raised, inner: inner)
  }

  /// The way back: xGradient is written.
  func backward(_ saved: Saved, gradient: Tensor, context: TrainingContext, into xGradient: Tensor) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let upGradient = workspace.tensor(like: saved.inner)
      down.backward(saved.inner, gradient: gradient, context: context, into: upGradient)
      let gateGradient = workspace.tensor(like: saved.gate)
      backend.multiplySiLUGradient(saved.up, gate: saved.gate, inPlace: upGradient, into: gateGradient)
      [gate, up].backward(saved.x, gradients: [gateGradient, upGradient], context: context, into: xGradient)
    }
  }
}
