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
