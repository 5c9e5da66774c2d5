import HybridizeCore
import HybridizeEvaluation

/// Selections as they are shown: the one that decides, and others beside it.
public struct SelectionReport: Sendable {
  public let request: SelectionRequest
  public let selections: [Selection]
  /// One for each selection, if it was asked for.
  public let quality: [SelectionQuality]

  init(_ request: SelectionRequest, _ selections: [Selection], _ quality: [SelectionQuality]) {
    precondition(!selections.isEmpty, "a report of nothing")
    self.request = request
    self.selections = selections
    self.quality = quality
  }

  /// The one that decides.
  public var selection: Selection { selections[0] }

  public var json: JSONObject {
    [
      "schema": .string("hybridize.select/1"), "model": .string(request.model),
      "student": request.student.map { .string($0) } ?? .null, "seed": .number(String(request.seed)),
      "keep": .array(selection.keep.map { .integer($0) }),
      "results": .object([
        "selections": .array(selections.map { .object($0.json) }),
        "quality": .array(quality.map { .object($0.json) }),
      ]),
    ]
  }

  public var text: String {
    let others = selections.dropFirst()
    return table(selection) + "\n" + sentences(selection).map { $0 + "\n" }.joined()
      + (others.isEmpty ? "" : "\n" + overview.text)
  }

  private func table(_ selection: Selection) -> String {
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
    return table.text
  }

  /// What is to be said of a selection.
  func sentences(_ selection: Selection) -> [String] {
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
    return lines + selection.notes + [costLine(selection.cost)]
  }

  private func costLine(_ cost: SelectionCost) -> String {
    "took \(NumberText.fixed(cost.seconds, 1)) s: \(cost.judgedTokens) tokens read by candidates"
      + (cost.trainedTokens > 0 ? ", \(cost.trainedTokens) trained on" : "")
  }

  static let overviewTitles = [
    "method", "keeps", "confidence", "ties", "shared", "tokens read", "trained on", "seconds",
  ]

  /// All selections, a row each.
  var overviewRows: [[String]] {
    selections.map { other in
      [
        other.method, LayerList.text(other.keep),
        other.confidence.map { NumberText.fixed(100 * $0, 1) + " %" } ?? "", LayerList.text(other.ties),
        "\(Set(other.keep).intersection(selection.keep).count) of \(selection.keep.count)",
        "\(other.cost.judgedTokens)", "\(other.cost.trainedTokens)", NumberText.fixed(other.cost.seconds, 1),
      ]
    }
  }

  private var overview: TextTable {
    var table = TextTable(
      Self.overviewTitles.enumerated().map { ($0.element, $0.offset < 2 || $0.offset == 3 ? .left : .right) })
    for row in overviewRows { table.add(row) }
    return table
  }
}

/// What is left of the teacher with more and fewer layers kept, by the ranking of a selection; nothing is trained for it.
public struct SelectionQuality: Sendable, Equatable {
  public struct Point: Sendable, Equatable {
    public let kept: Int
    /// On text, in nats a token.
    public let divergence: Double
    /// The share of numbers that are recalled from phone books.
    public let recall: Double
  }

  public let method: String
  public let points: [Point]

  public var json: JSONObject {
    [
      "method": .string(method),
      "points": .array(
        points.map {
          .object(["kept": .integer($0.kept), "kl": .double($0.divergence), "recall": .double($0.recall)])
        }),
    ]
  }

  private static let mostPoints = 9

  /// No layer, all of them, and some numbers between, that of the request among them.
  package static func counts(_ keep: Int, of layers: Int) -> [Int] {
    guard layers >= mostPoints else { return Array(0...layers) }
    let even = (0..<mostPoints).map { ($0 * layers + (mostPoints - 1) / 2) / (mostPoints - 1) }
    return Set(even + [keep]).sorted()
  }

  init(_ selection: Selection, _ run: SelectionRun) throws(HybridizeError) {
    let counts = Self.counts(run.count, of: run.layers.count)
    let candidates = counts.map { count in
      run.converted.with(.softmax, at: count == run.count ? selection.keep : Array(selection.ranking.prefix(count)))
    }
    let scores = try run.scores(candidates, near: run.converted, on: .textAndAnswers)
    method = selection.method
    points = zip(counts, scores).map { count, score in
      let sample = Resample(text: score.text.count, answers: score.answers.count)
      return Point(
        kept: count, divergence: Criterion().value(score, sample), recall: HitShare.of(score.answers, sample.answers))
    }
  }
}
