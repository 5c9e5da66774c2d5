import HybridizeCore
import HybridizeEvaluation

/// A selection as it is shown.
public struct SelectionReport: Sendable {
  public let request: SelectionRequest
  public let selection: Selection

  init(_ request: SelectionRequest, _ selection: Selection) {
    self.request = request
    self.selection = selection
  }

  public var json: JSONObject {
    [
      "schema": .string("hybridize.select/1"), "model": .string(request.model),
      "student": request.student.map { .string($0) } ?? .null, "seed": .number(String(request.seed)),
      "results": .object(selection.json),
    ]
  }

  public var text: String {
    var table = TextTable([("rank", .right), ("layer", .right), ("score", .right), ("chosen in", .right), ("", .left)])
    let layers = Dictionary(uniqueKeysWithValues: selection.layers.map { ($0.index, $0) })
    let chosen = Set(selection.keep)
    let ties = Set(selection.ties)
    for (place, index) in selection.ranking.enumerated() {
      guard let layer = layers[index] else { continue }
      let marks = (chosen.contains(index) ? ["kept"] : []) + (ties.contains(index) ? ["tie"] : [])
      table.add([
        "\(place + 1)", "\(index)", NumberText.short(layer.score),
        layer.frequency.map { NumberText.fixed(100 * $0, 1) + " %" } ?? "", marks.joined(separator: ", "),
      ])
    }
    return table.text + "\n" + sentences.map { $0 + "\n" }.joined()
  }

  private var sentences: [String] {
    var lines = ["keep \(LayerList.text(selection.keep)) by \(selection.method); score: \(selection.unit)"]
    if let confidence = selection.confidence {
      lines.append(
        "the same layers in \(NumberText.fixed(100 * confidence, 1)) % of \(request.resamples) draws of the text"
          + (selection.ties.isEmpty ? "" : "; the text does not tell \(LayerList.text(selection.ties)) apart"))
    }
    for (number, step) in selection.steps.enumerated() {
      let next = step.runnerUp.map { ", next \($0)" } ?? ""
      lines.append(
        "step \(number + 1): layer \(step.layer), \(NumberText.short(step.score)), the same in "
          + "\(NumberText.fixed(100 * step.confidence, 1)) % of draws" + next)
    }
    return lines + selection.notes + [costLine]
  }

  private var costLine: String {
    let cost = selection.cost
    return "took \(NumberText.fixed(cost.seconds, 1)) s: \(cost.judgedTokens) tokens read by candidates"
      + (cost.trainedTokens > 0 ? ", \(cost.trainedTokens) trained on" : "")
  }
}

extension Pipeline {
  /// Chooses layers.
  ///
  /// - Throws: `.unknownSelector`; what `SelectionRun` and the selector throw.
  public func select(
    _ request: SelectionRequest, selectors: [any Selector.Type] = SelectorRegistry.all
  ) throws(HybridizeError) -> SelectionReport {
    let selector = try SelectorRegistry.selector(named: request.method, of: selectors)
    let run = try SelectionRun(request, on: backend, progress: progress)
    let clock = ContinuousClock()
    let start = clock.now
    var selection = try selector.select(run)
    selection.cost = run.cost
    selection.cost.seconds = (clock.now - start).inSeconds
    return SelectionReport(request, selection)
  }

  /// What a selection would take: tokens by counting, seconds by timing the teacher on a few of them.
  ///
  /// - Throws: as `select`.
  public func expectedCost(
    _ request: SelectionRequest, selectors: [any Selector.Type] = SelectorRegistry.all
  ) throws(HybridizeError) -> SelectionCost {
    let selector = try SelectorRegistry.selector(named: request.method, of: selectors)
    let run = try SelectionRun(request, on: backend, progress: progress)
    var cost = try selector.expectedCost(run)
    guard cost.judgedTokens + cost.trainedTokens > 0 else { return cost }
    cost.seconds =
      try Double(cost.judgedTokens) * run.secondsAToken
      // The way there, the way back to inputs and the way back to weights, and the teacher.
      + 4 * Double(cost.trainedTokens) * run.secondsAToken
    return cost
  }
}
