import HybridizeCompute

/// Gated linear attention: linear attention whose state forgets, every channel of the key at a rate of its own.
///
/// For each token `x`: q, k, v are projections, each with its convolution, SiLU, norm and rotation where the options ask
/// for them; `g = log(sigmoid(W_2 W_1 x + b)) / 16` for every channel. With the state S of each head,
/// `S = diag(e^g) S + k v^T; o = d^-1/2 S^T q`, and the output is `W_o (norm(o) * SiLU(W_g x))`.
package struct GatedLinearAttention: LinearAttention {
  package let heads: Int
  package let headDimension: Int
  package let query: RecurrenceBranch
  package let key: RecurrenceBranch
  package let value: RecurrenceBranch
  package let gate: Projection
  package let decay: LowRankProjection
  package let output: Projection
  package let outputNorm: Weight?

  package var kind: (decay: LinearRecurrenceShape.Decay, update: LinearRecurrenceShape.Update) {
    (.perChannel, .additive)
  }

  package var gates: LinearAttentionGates {
    LinearAttentionGates(
      decay: decay, logDecay: .logSigmoid(scale: 1 / GatedLinearAttentionOptions.decayDivisor),
      output: LowRankProjection(gate), outputActivation: .silu, beta: nil)
  }
}
