import HybridizeCompute

/// What a pass through a model in training lends its layers.
///
/// Every sequence is whole: it begins with its first row and an empty state. What layers keep for the way back is taken
/// from the workspace and stays until the pass ends.
public struct TrainingContext {
  package let mixing: MixingContext
  package let parameters: TrainedParameters

  package init(_ mixing: MixingContext, _ parameters: TrainedParameters) {
    self.mixing = mixing
    self.parameters = parameters
  }

  package var backend: any Backend { mixing.backend }
  package var workspace: Workspace { mixing.workspace }

  /// A copy that later operations do not change.
  package func copy(_ x: Tensor) -> Tensor {
    let copy = workspace.tensor(like: x)
    backend.copy(x, to: copy)
    return copy
  }
}

extension Projection {
  /// The way back: adds to the gradients of weight and bias.
  ///
  /// - Parameters:
  ///   - x: what went in.
  ///   - gradient: of what came out.
  ///   - xGradient: written, if wanted.
  package func backward(_ x: Tensor, gradient: Tensor, context: TrainingContext, into xGradient: Tensor?) {
    [self].backward(x, gradients: [gradient], context: context, into: xGradient)
  }
}

extension [Projection] {
  /// The way back through several projections of one input.
  package func backward(_ x: Tensor, gradients: [Tensor], context: TrainingContext, into xGradient: Tensor?) {
    let backend = context.backend
    for (projection, gradient) in zip(self, gradients) {
      if let weightGradient = context.parameters[projection.weight] {
        backend.linearWeightGradient(x, gradient, addingTo: weightGradient)
      }
      if let biasGradient = projection.bias.flatMap({ context.parameters[$0] }) {
        backend.biasGradient(gradient, addingTo: biasGradient)
      }
    }
    if let xGradient { backend.linearInputGradient(gradients, map(\.weight), adding: false, into: xGradient) }
  }
}
