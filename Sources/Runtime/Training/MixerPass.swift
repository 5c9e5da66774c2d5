import HybridizeCompute

/// The way of one call through a mixer, with what the way back needs.
package struct MixerPass {
  private let wayBack: (_ gradient: Tensor, _ context: TrainingContext, _ xGradient: Tensor?) -> Void

  /// Adds to the gradients of the mixer's parameters.
  ///
  /// - Parameters:
  ///   - gradient: of what came out; may be left changed.
  ///   - xGradient: of what went in; written, if wanted.
  package func backward(_ gradient: Tensor, context: TrainingContext, into xGradient: Tensor?) {
    wayBack(gradient, context, xGradient)
  }

  package init(_ wayBack: @escaping (Tensor, TrainingContext, Tensor?) -> Void) { self.wayBack = wayBack }
}

extension TokenMixer {
  /// `mix` over whole sequences, and the way back.
  package func pass(_ x: Tensor, context: TrainingContext, into out: Tensor) -> MixerPass {
    let saved = mixSaving(x, context: context, into: out)
    return MixerPass { backward(saved, gradient: $0, context: $1, into: $2) }
  }

  /// `mix` over whole sequences, with nothing kept.
  package func mixWhole(_ x: Tensor, context: MixingContext, into out: Tensor) {
    let memory = StateMemory(context.backend)
    let states = context.sequences.map { makeState(capacity: $0.rows.count, memory: memory) }
    mix(x, states: states, context: context, into: out)
  }
}
