import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// Stage 1, alignment of hidden states: the mixer of every converted layer learns to give what the teacher's attention
/// gives, from what the teacher's attention got (arXiv 2512.20569; RADLADS, arXiv 2505.03005).
///
/// The teacher's output goes on to the next layer, so layers do not depend on each other: any subset gives the same as all
/// in one pass. The loss of a token is the mean over layers of `|student - teacher| / sqrt(hiddenSize)`, or of its square;
/// the gradient is that of the mean over all converted layers, whichever are aligned.
package final class AlignmentObjective: TrainingObjective {
  package let backend: any Backend
  package let parameters: [TrainableParameter]
  private let teacher: Model
  private let student: Model
  private let trained: TrainedParameters
  /// Ascending.
  private let layers: [Int]
  private let convertedCount: Int
  private let options: StageOptions
  private let memory: PassMemory

  /// - Precondition: teacher and student are on one backend.
  package init(teacher: Model, student: TrainableModel, layers: [Int], options: StageOptions) {
    precondition(teacher.backend === student.model.backend, "teacher and student are on different backends")
    backend = teacher.backend
    parameters = student.trainableParameters
    self.teacher = teacher
    self.student = student.model
    trained = student.parameters
    self.layers = layers.sorted()
    convertedCount = max(1, student.directory.configuration.convertedLayers.count)
    self.options = options
    memory = PassMemory(backend)
  }

  package func accumulate(_ batch: TokenBatch, scale: Double) throws(HybridizeError) -> LossSum {
    pass(batch, scale: scale, learns: true)
  }

  package func loss(_ batch: TokenBatch) throws(HybridizeError) -> LossSum { pass(batch, scale: 1, learns: false) }

  private func pass(_ batch: TokenBatch, scale: Double, learns: Bool) -> LossSum {
    let layout = PassLayout(batch, isolatesDocuments: options.isolatesDocuments)
    let context = memory.context(teacher, layout)
    let share = 1 / Double(max(layers.count, 1))
    var total = 0.0
    memory.workspace.scope {
      let x = teacher.embedded(layout.ids, context)
      for (index, block) in teacher.blocks.prefix((layers.last ?? -1) + 1).enumerated() {
        guard layers.contains(index) else {
          block.applyWhole(x, context)
          continue
        }
        block.applyWhole(x, context) { input, output in
          total +=
            share * align(index, input, output, context, scale: scale / Double(convertedCount), learns: learns)
        }
      }
    }
    return LossSum(sum: total, count: layout.ids.count)
  }

  /// - Returns: the sum of the losses of all tokens.
  private func align(
    _ layer: Int, _ input: Tensor, _ wanted: Tensor, _ context: MixingContext, scale: Double, learns: Bool
  ) -> Double {
    memory.workspace.scope {
      let training = TrainingContext(context, trained)
      let output = memory.workspace.tensor(like: wanted)
      let losses = memory.workspace.tensor(rows: wanted.rows, columns: 1)
      let pass = student.blocks[layer].mixer.pass(input, context: training, into: output)
      backend.distanceGradient(
        teacher: wanted, inPlace: output, squared: options.squaredDistance, scale: scale, into: losses)
      if learns { pass.backward(output, context: training, into: nil) }
      return backend.read(losses).reduce(0, +)
    }
  }
}
