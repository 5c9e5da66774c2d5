import HybridizeCompute

/// Kimi delta attention: gated DeltaNet in which every channel of the key forgets at a rate of its own.
///
/// For each token `x`: q, k, v are projections, each with its convolution, SiLU, gain and rotation where the options ask
/// for them, q and k normalised to length one; `beta = sigmoid(W_b x)`;
/// `g = -exp(A_log) softplus(W_2 W_1 x + dt_bias)` for every channel, or with a lower bound L
/// `g = L sigmoid(exp(A_log) (W_2 W_1 x + dt_bias))`. With the state S of each head,
/// `S = diag(e^g) S; S = S + k (beta (v - S^T k))^T; o = d^-1/2 S^T q`, and the output is
/// `W_o (norm(o) * sigmoid(G_2 G_1 x + b))`.
package struct KimiDeltaAttention: LinearAttention {
  package let heads: Int
  package let headDimension: Int
  package let query: RecurrenceBranch
  package let key: RecurrenceBranch
  package let value: RecurrenceBranch
  package let gate: LowRankProjection
  package let decay: LowRankProjection
  package let decayBound: Double?
  package let beta: Projection
  package let output: Projection
  package let logRate: Weight
  package let decayBias: Weight
  package let outputNorm: Weight?

  package var kind: (decay: LinearRecurrenceShape.Decay, update: LinearRecurrenceShape.Update) { (.perChannel, .delta) }

  package var gates: LinearAttentionGates {
    LinearAttentionGates(
      decay: decay, logDecay: .rate(logRate: logRate, bias: decayBias, bound: decayBound), output: gate,
      outputActivation: .sigmoid, beta: beta)
  }
}
