import HybridizeCore

/// How a training has gone.
public struct TrainingOutcome: Sendable {
  public enum End: String, Sendable {
    /// All steps are done.
    case finished
    /// More would not have helped.
    case plateau
    /// It was to go so far and no further, and is saved.
    case paused
  }

  public let stage: TrainingStage
  public let end: End
  /// Where a saved training went on; `nil` for one from the beginning.
  public let resumedAt: Int?
  package let history: TrainingHistory

  package init(stage: TrainingStage, end: End, resumedAt: Int?, history: TrainingHistory) {
    self.stage = stage
    self.end = end
    self.resumedAt = resumedAt
    self.history = history
  }

  public var steps: Int { history.steps.count }
  public var tokens: Int { history.tokens }
  /// In all runs together.
  public var seconds: Double { history.seconds }
  /// The step after which the parameters are those that the training has left: that of the lowest held-out loss, or the
  /// last one without held-out text.
  public var bestStep: Int { history.best?.step ?? steps }
  /// `nil` without held-out text.
  public var heldOutLoss: Double? { history.best?.loss }

  /// One object a step or look at the held-out text, as in `loss.jsonl`.
  public var lines: [JSONObject] { history.lines }

  public var json: JSONObject {
    [
      "stage": .string(stage.rawValue), "end": .string(end.rawValue),
      "resumed_at": resumedAt.map { .integer($0) } ?? .null, "steps": .integer(steps), "tokens": .integer(tokens),
      "loss": .array(history.steps.map { .double($0.loss) }),
      "held_out": .array(
        history.evaluations.map { .object(["step": .integer($0.step), "loss": .double($0.loss)]) }),
      "best_step": .integer(bestStep), "held_out_loss": heldOutLoss.map { .double($0) } ?? .null,
      "seconds": .double(seconds), "tokens_per_second": .double(seconds > 0 ? Double(tokens) / seconds : 0),
    ]
  }
}
