import HybridizeCompute

/// Passes of whole sequences through a model, without states and without logits: what training is made of.
///
/// The rows of the sequences lie one after the other.
extension Model {
  /// What a pass lends the layers.
  ///
  /// - Parameter angles: of the same sequences.
  package func passContext(
    _ sequences: [SequenceRows], angles: RotaryAngles, workspace: Workspace
  ) -> MixingContext {
    MixingContext(backend: backend, workspace: workspace, sequences: sequences, angles: angles)
  }

  /// The embeddings of tokens, `[tokens, hiddenSize]`, from the workspace.
  package func embedded(_ ids: [Int], _ context: MixingContext) -> Tensor {
    backend.begin(.embedding)
    let x = context.workspace.tensor(rows: ids.count, columns: configuration.hiddenSize)
    backend.embed(ids, embedding, into: x)
    return x
  }

  /// What the head gets, `[tokens, hiddenSize]`, from the workspace.
  package func hiddenWhole(_ ids: [Int], _ context: MixingContext) -> Tensor {
    let x = embedded(ids, context)
    for block in blocks { block.applyWhole(x, context) }
    return headInput(x, context)
  }

  /// What the head gets of the residual stream after the last layer, from the workspace.
  package func headInput(_ x: Tensor, _ context: MixingContext) -> Tensor {
    backend.begin(.head)
    let out = context.workspace.tensor(like: x)
    backend.rmsNorm(x, gain: finalNorm, epsilon: configuration.normEpsilon, into: out)
    return out
  }

  /// The way there, with what the way back needs.
  package struct Pass {
    /// What the head gets.
    package let hidden: Tensor
    fileprivate let ids: [Int]
    /// The residual stream after the last layer.
    fileprivate let last: Tensor
    fileprivate let blocks: [SavedBlock]
  }

  fileprivate enum SavedBlock {
    case whole(Block.Saved)
    /// The residual stream before the layer, from which all else is made again on the way back.
    case input(Tensor)
  }

  /// - Parameter recomputing: keeps of every layer its input alone, and computes it once more on the way back: less
  ///   memory, a third more work.
  package func pass(_ ids: [Int], _ context: TrainingContext, recomputing: Bool) -> Pass {
    let x = embedded(ids, context.mixing)
    let saved = blocks.map { block -> SavedBlock in
      guard recomputing else { return .whole(block.applySaving(x, context)) }
      let input = context.copy(x)
      block.applyWhole(x, context.mixing)
      return .input(input)
    }
    return Pass(hidden: headInput(x, context.mixing), ids: ids, last: x, blocks: saved)
  }

  /// The way back: adds to the gradients of all parameters that are trained, but those of the head.
  ///
  /// - Parameter gradient: of `pass.hidden`; left changed.
  package func backward(_ pass: Pass, gradient: Tensor, _ context: TrainingContext) {
    backend.begin(.head)
    backend.rmsNormGradient(
      pass.last, gain: finalNorm, epsilon: configuration.normEpsilon, gradient: gradient, into: gradient,
      addingTo: context.parameters[finalNorm])
    for (block, saved) in zip(blocks, pass.blocks).reversed() {
      context.workspace.scope {
        switch saved {
        case .whole(let saved): block.backward(saved, inPlace: gradient, context)
        case .input(let input): block.backward(block.applySaving(input, context), inPlace: gradient, context)
        }
      }
    }
    backend.begin(.embedding)
    if let tableGradient = context.parameters[embedding] {
      backend.embedGradient(pass.ids, gradient, addingTo: tableGradient)
    }
  }

  /// The logits of rows of what the head gets, `[rows, vocabularySize]`.
  package func logits(ofHidden rows: Tensor, into out: Tensor) {
    backend.begin(.head)
    backend.linear(rows, head, into: out)
  }

  /// The way back through the head: adds to its gradient and writes that of what it got.
  package func headBackward(
    _ rows: Tensor, gradient: Tensor, _ parameters: TrainedParameters, into hiddenGradient: Tensor
  ) {
    if let headGradient = parameters[head] { backend.linearWeightGradient(rows, gradient, addingTo: headGradient) }
    backend.linearInputGradient([gradient], [head], adding: false, into: hiddenGradient)
  }
}
