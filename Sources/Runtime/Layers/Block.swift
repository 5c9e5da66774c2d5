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
  ///
  /// - Parameter sessions: of this layer, one for each of the context's sequences, which are not none.
  func apply(_ x: Tensor, sessions: [any MixerSession], context: MixingContext) {
    apply(x, context) { sessions[0].mix($0, together: sessions, context: context, into: $1) }
  }

  /// The same over whole sequences, of which nothing is kept.
  ///
  /// - Parameter observe: called with what the mixer got and what it gave.
  package func applyWhole(
    _ x: Tensor, _ context: MixingContext, observe: (_ input: Tensor, _ output: Tensor) -> Void = { _, _ in }
  ) {
    apply(x, context) { input, output in
      mixer.mixWhole(input, context: context, into: output)
      observe(input, output)
    }
  }

  /// The same with another mixer in the place of the layer's own.
  ///
  /// - Parameter mix: gets what the mixer gets, and writes what it gives.
  package func apply(_ x: Tensor, _ context: MixingContext, mix: (_ input: Tensor, _ output: Tensor) -> Void) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let normed = workspace.tensor(like: x)
      let change = workspace.tensor(like: x)
      backend.begin(.mixer(layer: index))
      backend.rmsNorm(x, gain: mixerNorm, epsilon: normEpsilon, into: normed)
      mix(normed, change)
      backend.add(change, to: x)
      backend.begin(.feedForward(layer: index))
      backend.rmsNorm(x, gain: feedForwardNorm, epsilon: normEpsilon, into: normed)
      feedForward.apply(normed, addingTo: x, backend, workspace)
    }
  }
}

extension Block {
  package struct Saved {
    /// The residual stream before the mixer and before the feed-forward.
    let x: Tensor
    let afterMixer: Tensor
    let mixer: MixerPass
    let feedForward: FeedForward.Saved
  }

  /// `apply` over whole sequences in training: adds to x, in place.
  func applySaving(_ x: Tensor, _ context: TrainingContext) -> Saved {
    applySaving(x, context) { mixer.pass($0, context: context, into: $1) }
  }

  /// The same with another mixer in the place of the layer's own.
  ///
  /// - Parameter mix: gets what the mixer gets, writes what it gives, and says how the way back goes through it.
  package func applySaving(
    _ x: Tensor, _ context: TrainingContext, mix: (_ input: Tensor, _ output: Tensor) -> MixerPass
  ) -> Saved {
    let (backend, workspace) = (context.backend, context.workspace)
    backend.begin(.mixer(layer: index))
    let before = context.copy(x)
    let normed = workspace.tensor(like: x)
    backend.rmsNorm(x, gain: mixerNorm, epsilon: normEpsilon, into: normed)
    let change = workspace.tensor(like: x)
    let pass = mix(normed, change)
    backend.add(change, to: x)
    backend.begin(.feedForward(layer: index))
    let afterMixer = context.copy(x)
    let normedAgain = workspace.tensor(like: x)
    backend.rmsNorm(x, gain: feedForwardNorm, epsilon: normEpsilon, into: normedAgain)
    return Saved(
      x: before, afterMixer: afterMixer, mixer: pass,
      feedForward: feedForward.applySaving(normedAgain, addingTo: x, context))
  }

  /// The way back: the gradient of the residual stream after the layer becomes that before it.
  package func backward(_ saved: Saved, inPlace gradient: Tensor, _ context: TrainingContext) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let change = workspace.tensor(like: gradient)
      func throughNorm(_ x: Tensor, _ gain: Weight) {
        backend.rmsNormGradient(
          x, gain: gain, epsilon: normEpsilon, gradient: change, into: change, addingTo: context.parameters[gain])
        backend.add(change, to: gradient)
      }
      backend.begin(.feedForward(layer: index))
      feedForward.backward(saved.feedForward, gradient: gradient, context: context, into: change)
      throughNorm(saved.afterMixer, feedForwardNorm)
      backend.begin(.mixer(layer: index))
      workspace.scope {
        let output = context.copy(gradient)
        saved.mixer.backward(output, context: context, into: change)
      }
      throughNorm(saved.x, mixerNorm)
    }
  }
}
