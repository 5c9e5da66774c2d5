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
    /// In the order of the request.
    public let texts: [Text]
    /// The largest amount of memory that the process has had.
    public let peakBytes: Int
    /// If it was asked for.
    public let profile: TrainingProfile?

    /// A text that was trained on.
    public struct Text: Sendable {
      public let name: String
      /// Without what was held out.
      public let tokens: Int
      /// How often they were read; less than one where not all of them were.
      public let passes: Double
      public let heldOutSequences: Int

      var json: JSONObject {
        [
          "name": .string(name), "tokens": .integer(tokens), "passes": .double(passes),
          "held_out_sequences": .integer(heldOutSequences),
        ]
      }

      /// For a text that was read more than once.
      var line: String {
        "text      \(ErrorText.escape(name)): \(NumberText.count(tokens)) tokens, gone through "
          + "\(NumberText.fixed(passes, 1)) times; \(NumberText.counted(heldOutSequences, "sequence")) held out"
      }
    }

    public var json: JSONObject {
      var json: JSONObject = ["schema": .string("hybridize.distill/1")]
      for (key, value) in outcome.json.members { json[key] = value }
      json["parameters"] = .integer(parameters)
      json["texts"] = .array(texts.map { .object($0.json) })
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
      lines += texts.filter { $0.passes > 1 }.map(\.line)
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
