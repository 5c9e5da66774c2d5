import HybridizeCompute

/// Gated DeltaNet: linear attention whose state forgets (decay) and corrects (delta rule).
///
/// For each token `x`: q, k, v are projections, each with its convolution, SiLU, gain and rotation where the
/// options ask for them, q and k normalised to length one; `beta = sigmoid(W_b x)`;
/// `g = -exp(A_log) softplus(W_a x + dt_bias)`. With the state S of each head,
/// `S = e^g S; S = S + k (beta (v - S^T k))^T; o = d^-1/2 S^T q`, and the output is
/// `W_o (norm(o) * SiLU(W_g x))`.
package struct GatedDeltaNet: LinearAttention {
  package let heads: Int
  package let headDimension: Int
  package let query: RecurrenceBranch
  package let key: RecurrenceBranch
  package let value: RecurrenceBranch
  package let gate: Projection
  package let decay: Projection
  package let beta: Projection
  package let output: Projection
  package let logRate: Weight
  package let decayBias: Weight
  package let outputNorm: Weight?

  package var kind: (decay: LinearRecurrenceShape.Decay, update: LinearRecurrenceShape.Update) { (.perHead, .delta) }

  package var gates: LinearAttentionGates {
    LinearAttentionGates(
      decay: LowRankProjection(decay), logDecay: .rate(logRate: logRate, bias: decayBias, bound: nil),
      output: LowRankProjection(gate), outputActivation: .silu, beta: beta)
  }
}
