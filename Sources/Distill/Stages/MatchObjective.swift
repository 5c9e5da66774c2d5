import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// Stage 2, distribution matching: the hybrid learns to predict what the teacher predicts. The loss of a token is
/// `KL(teacher || student)` over the vocabulary, softened by a temperature (arXiv 2512.20569), or over the teacher's most
/// likely tokens and all others as one.
package final class MatchObjective: TrainingObjective {
  package let backend: any Backend
  package let parameters: [TrainableParameter]
  private let teacher: Model
  private let student: Model
  private let trained: TrainedParameters
  private let options: StageOptions
  private let memory: PassMemory
  /// The teacher's most likely tokens, where these are enough.
  private let predictions: TeacherPredictions?

  /// Where the teacher's most likely tokens are kept for other trainings.
  package struct PredictionFile: Sendable {
    package let path: String
    /// Tokens of every sequence.
    package let length: Int
    /// Of the teacher: 64 hexadecimal digits.
    package let identity: String

    package init(path: String, length: Int, identity: String) {
      self.path = path
      self.length = length
      self.identity = identity
    }
  }

  /// - Parameter file: with `options.topTokens` only.
  /// - Throws: `.badArgument` for options that do not go together; what `RecordFile` throws.
  /// - Precondition: teacher and student are on one backend and have one vocabulary.
  package init(
    teacher: Model, student: TrainableModel, options: StageOptions, file: PredictionFile? = nil
  ) throws(HybridizeError) {
    precondition(teacher.backend === student.model.backend, "teacher and student are on different backends")
    backend = teacher.backend
    parameters = student.trainableParameters
    self.teacher = teacher
    self.student = student.model
    trained = student.parameters
    self.options = options
    let memory = PassMemory(backend)
    self.memory = memory
    guard file == nil || options.topTokens != nil, options.topTokens == nil || options.temperature == 1 else {
      throw HybridizeError(
        .badArgument, expected: "a file of predictions with a number of top tokens, and these at a temperature of 1")
    }
    predictions = try options.topTokens.map { (count) throws(HybridizeError) in
      try TeacherPredictions(
        teacher, count: count, isolatesDocuments: options.isolatesDocuments, memory: memory, file: file?.path,
        length: file?.length ?? 0, identity: file?.identity ?? "")
    }
  }

  /// What the teacher says of a batch.
  private enum Wanted {
    /// What its head gets.
    case hidden(Tensor)
    case sparse(SparseDistributions)
  }

  private func wanted(_ batch: TokenBatch, _ layout: PassLayout) throws(HybridizeError) -> Wanted {
    if let predictions { return .sparse(try predictions.predictions(batch)) }
    return .hidden(teacher.hiddenWhole(layout.ids, memory.context(teacher, layout)))
  }

  package func accumulate(_ batch: TokenBatch, scale: Double) throws(HybridizeError) -> LossSum {
    let layout = PassLayout(batch, isolatesDocuments: options.isolatesDocuments)
    return try memory.workspace.scope { () throws(HybridizeError) in
      let expected = try wanted(batch, layout)
      let context = TrainingContext(memory.context(student, layout), trained)
      let pass = student.pass(layout.ids, context, recomputing: options.recomputesActivations)
      let gradient = memory.workspace.tensor(like: pass.hidden)
      let sum = try divergence(expected, pass.hidden, scale: scale, training: trained, into: gradient)
      student.backward(pass, gradient: gradient, context)
      return LossSum(sum: sum, count: layout.ids.count)
    }
  }

  package func loss(_ batch: TokenBatch) throws(HybridizeError) -> LossSum {
    let layout = PassLayout(batch, isolatesDocuments: options.isolatesDocuments)
    return try memory.workspace.scope { () throws(HybridizeError) in
      let expected = try wanted(batch, layout)
      let found = student.hiddenWhole(layout.ids, memory.context(student, layout))
      let sum = try divergence(expected, found, scale: 1, training: nil, into: nil)
      return LossSum(sum: sum, count: layout.ids.count)
    }
  }

  private func divergence(
    _ expected: Wanted, _ found: Tensor, scale: Double, training: TrainedParameters?, into gradient: Tensor?
  ) throws(HybridizeError) -> Double {
    let head = HeadLoss(model: student, workspace: memory.workspace)
    return try head.run(found, training: training, into: gradient) { rows, logits, losses in
      switch expected {
      case .sparse(let distributions):
        backend.divergenceGradient(
          teacher: distributions.rows(rows), inPlace: logits, scale: scale, into: losses)
      case .hidden(let hidden):
        let wanted = memory.workspace.tensor(like: logits)
        teacher.logits(ofHidden: hidden.rows(rows), into: wanted)
        backend.divergenceGradient(
          teacher: wanted, inPlace: logits, temperature: options.temperature, scale: scale, into: losses)
      }
    }
  }
}
