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
  /// - Parameter sessions: of this layer, one for each of the context's sequences, which are not none.
  func apply(_ x: Tensor, sessions: [any MixerSession], context: MixingContext) {
    let backend = context.backend
    context.workspace.scope {
      let normed = context.workspace.tensor(like: x)
      let change = context.workspace.tensor(like: x)
      backend.begin(.mixer(layer: index))
      backend.rmsNorm(x, gain: mixerNorm, epsilon: normEpsilon, into: normed)
      sessions[0].mix(normed, together: sessions, context: context, into: change)
      backend.add(change, to: x)
      backend.begin(.feedForward(layer: index))
      backend.rmsNorm(x, gain: feedForwardNorm, epsilon: normEpsilon, into: normed)
      feedForward.apply(normed, addingTo: x, backend, context.workspace)
    }
  }
}
