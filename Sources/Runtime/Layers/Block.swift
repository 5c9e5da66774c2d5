import HybridizeCompute

/// One layer: `x += mixer(norm(x)); x += feedForward(norm(x))`.
package struct Block {
  package let index: Int
  package let mixerNorm: Weight
  package let mixer: any TokenMixer
  package let feedForwardNorm: Weight
  package let feedForward: FeedForward
  package let normEpsilon: Double

  /// Adds the layer's contributions to `x [tokens, hiddenSize]`, in place.
  func apply(_ x: Tensor, session: any MixerSession, context: MixingContext) {
    let backend = context.backend
    context.workspace.scope {
      let normed = context.workspace.tensor(like: x)
      let change = context.workspace.tensor(like: x)
      backend.begin(.mixer(layer: index))
      backend.rmsNorm(x, gain: mixerNorm, epsilon: normEpsilon, into: normed)
      session.mix(normed, context: context, into: change)
      backend.add(change, to: x)
      backend.begin(.feedForward(layer: index))
      backend.rmsNorm(x, gain: feedForwardNorm, epsilon: normEpsilon, into: normed)
      feedForward.apply(normed, into: change, backend, context.workspace)
      backend.add(change, to: x)
    }
  }
}
