import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// A loss over the vocabulary, for some rows at a time: the logits of a whole batch never exist.
struct HeadLoss {
  let model: Model
  let workspace: Workspace

  /// Beyond these, longer products are no faster.
  private static let mostRows = 512
  private static let logitBytes = 32 << 20

  /// Rows whose logits exist at a time.
  static func chunks(of model: Model, rows count: Int) -> [Range<Int>] {
    let rowBytes = model.configuration.vocabularySize * model.backend.activationType.bitsPerElement / 8
    let size = min(mostRows, max(32, logitBytes / rowBytes / 32 * 32))
    return stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
  }

  /// The sum of the losses of all rows, and the gradients of the head and of what it gets.
  ///
  /// - Parameters:
  ///   - hidden: what the head gets, `[tokens, hiddenSize]`.
  ///   - training: the parameters; `nil` for the loss alone.
  ///   - hiddenGradient: written in training.
  ///   - judge: turns the student's logits of some rows into their gradient and writes their losses, `[rows, 1]`.
  func run(
    _ hidden: Tensor, training: TrainedParameters?, into hiddenGradient: Tensor?,
    judge: (_ rows: Range<Int>, _ logits: Tensor, _ losses: Tensor) throws(HybridizeError) -> Void
  ) throws(HybridizeError) -> Double {
    let backend = model.backend
    var total = 0.0
    for rows in Self.chunks(of: model, rows: hidden.rows) {
      try workspace.scope { () throws(HybridizeError) in
        let logits = workspace.tensor(rows: rows.count, columns: model.configuration.vocabularySize)
        let losses = workspace.tensor(rows: rows.count, columns: 1)
        model.logits(ofHidden: hidden.rows(rows), into: logits)
        try judge(rows, logits, losses)
        total += backend.read(losses).reduce(0, +)
        if let training, let hiddenGradient {
          model.headBackward(hidden.rows(rows), gradient: logits, training, into: hiddenGradient.rows(rows))
        }
      }
    }
    return total
  }
}
