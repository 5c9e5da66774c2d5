import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// Stage 3, fine-tuning: the hybrid learns the text itself, usually at the context length that it is made for. The loss of
/// a token is the cross-entropy of the next one (RADLADS, arXiv 2505.03005).
package final class FinetuneObjective: TrainingObjective {
  package let backend: any Backend
  package let parameters: [TrainableParameter]
  private let student: Model
  private let trained: TrainedParameters
  private let options: StageOptions
  private let memory: PassMemory

  package init(student: TrainableModel, options: StageOptions) {
    backend = student.model.backend
    parameters = student.trainableParameters
    self.student = student.model
    trained = student.parameters
    self.options = options
    memory = PassMemory(backend)
  }

  package func accumulate(_ batch: TokenBatch, scale: Double) throws(HybridizeError) -> LossSum {
    let layout = PassLayout(batch, isolatesDocuments: options.isolatesDocuments)
    return try memory.workspace.scope { () throws(HybridizeError) in
      let context = TrainingContext(memory.context(student, layout), trained)
      let pass = student.pass(layout.ids, context, recomputing: options.recomputesActivations)
      let gradient = memory.workspace.tensor(like: pass.hidden)
      let loss = try crossEntropy(layout, pass.hidden, scale: scale, training: trained, into: gradient)
      student.backward(pass, gradient: gradient, context)
      return loss
    }
  }

  package func loss(_ batch: TokenBatch) throws(HybridizeError) -> LossSum {
    let layout = PassLayout(batch, isolatesDocuments: options.isolatesDocuments)
    return try memory.workspace.scope { () throws(HybridizeError) in
      let hidden = student.hiddenWhole(layout.ids, memory.context(student, layout))
      return try crossEntropy(layout, hidden, scale: 1, training: nil, into: nil)
    }
  }

  private func crossEntropy(
    _ layout: PassLayout, _ hidden: Tensor, scale: Double, training: TrainedParameters?, into gradient: Tensor?
  ) throws(HybridizeError) -> LossSum {
    let targets = layout.targets
    let head = HeadLoss(model: student, workspace: memory.workspace)
    let sum = try head.run(hidden, training: training, into: gradient) { rows, logits, losses in
      backend.crossEntropyGradient(targets: Array(targets[rows]), inPlace: logits, scale: scale, into: losses)
    }
    return LossSum(sum: sum, count: targets.count { $0 != nil })
  }
}
