import HybridizeCompute

/// SwiGLU: `down(SiLU(gate(x)) * up(x))` (Shazeer 2020).
package struct FeedForward: Sendable {
  package let gate: Projection
  package let up: Projection
  package let down: Projection

  /// x and out `[tokens, hiddenSize]`.
  package func apply(_ x: Tensor, into out: Tensor, _ backend: any Backend, _ workspace: Workspace) {
    workspace.scope {
      let gated = workspace.tensor(rows: x.rows, columns: gate.outputs)
      let inner = workspace.tensor(rows: x.rows, columns: up.outputs)
      gate.apply(x, into: gated, backend)
      up.apply(x, into: inner, backend)
      backend.multiplySiLU(gated, into: inner)
      down.apply(inner, into: out, backend)
    }
  }
}
