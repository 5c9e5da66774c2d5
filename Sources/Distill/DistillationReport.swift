import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime

extension Distillation {
  /// How a stage has gone.
  public struct Report: Sendable {
    public let request: Request
    /// Layers that were aligned; empty in other stages.
    public let layers: [Int]
    public let outcome: TrainingOutcome
    /// How many numbers were trained.
    public let parameters: Int
    /// The largest amount of memory that the process has had.
    public let peakBytes: Int
    /// If it was asked for.
    public let profile: TrainingProfile?

    public var json: JSONObject {
      var json: JSONObject = ["schema": .string("hybridize.distill/1")]
      for (key, value) in outcome.json.members { json[key] = value }
      json["parameters"] = .integer(parameters)
      json["layers"] = .array(layers.map { .integer($0) })
      json["settings"] = .object(request.settings.json)
      json["options"] = .object(request.options.json)
      json["written"] = .string(request.out)
      json["peak_bytes"] = .integer(peakBytes)
      if let profile { json["profile"] = .object(profile.json) }
      return json
    }

    /// For the manifest of the result: nothing of this run's pace, so that the same inputs give the same bytes.
    var record: JSONObject {
      [
        "settings": .object(request.settings.json), "options": .object(request.options.json),
        "layers": .array(layers.map { .integer($0) }), "tokens": .integer(outcome.tokens),
        "steps": .integer(outcome.steps), "best_step": .integer(outcome.bestStep),
        "held_out_loss": outcome.heldOutLoss.map { .double($0) } ?? .null,
        "texts": .array(request.texts.map { .object(["share": .double($0.share)]) }),
      ]
    }

    /// A sentence for the card of the result.
    var summary: String {
      let tokens = NumberText.count(outcome.tokens)
      let loss = outcome.heldOutLoss.map { ", held-out loss \(NumberText.fixed($0, 4))" } ?? ""
      return "Last stage of its training: \(outcome.stage.rawValue) on \(tokens) tokens\(loss)."
    }

    public var text: String {
      let history = outcome.history
      var lines = [
        "\(outcome.stage.rawValue): \(NumberText.count(outcome.tokens)) tokens in \(outcome.steps) steps, "
          + "\(NumberText.count(parameters)) parameters",
        "loss      \(NumberText.fixed(history.steps.first?.loss ?? .nan, 4)) at the first step, "
          + "\(NumberText.fixed(history.recentLoss ?? .nan, 4)) at the end",
      ]
      if let first = history.evaluations.first, let best = history.best {
        lines.append(
          "held out  \(NumberText.fixed(first.loss, 4)) before, \(NumberText.fixed(best.loss, 4)) after step \(best.step)"
        )
      }
      if outcome.end == .plateau { lines.append("stopped early: the held-out loss no longer fell") }
      let rate = outcome.seconds > 0 ? Double(outcome.tokens) / outcome.seconds : 0
      lines.append(
        "pace      \(Int(rate)) tokens/s, \(NumberText.fixed(outcome.seconds, 1)) s, peak memory "
          + NumberText.bytes(peakBytes))
      if let profile { lines.append("time      \(profile.text)") }
      lines.append("written   \(ErrorText.escape(request.out))")
      return lines.joined(separator: "\n") + "\n"
    }
  }
}
