import HybridizeCore
import HybridizeEvaluation

/// Selections as one HTML page that needs nothing beside it: no network, no script.
struct SelectionPage {
  let report: SelectionReport

  var html: String {
    Page.html(
      title: "Selection: \(report.request.model)",
      [
        header, Page.section("Score by layer", ScoreBars.legend + bars),
        report.quality.isEmpty ? "" : Page.section("With more and fewer layers kept", quality),
        Page.section("Ranking", ranking), report.selections.allSatisfy { $0.details.isEmpty } ? "" : details,
        Page.section("Methods and what they took", overview),
        report.selections.count > 1 ? Page.section("Layers that methods share", overlap) : "",
        Page.section("How this was measured", Page.notes(notes)),
      ])
  }

  private var header: String {
    let selection = report.selection
    let tiles = [
      ("layers \(LayerList.text(selection.keep))", "stay softmax attention, by \(selection.method)"),
      (
        selection.confidence.map { NumberText.fixed(100 * $0, 1) + " %" } ?? "not measured",
        "of draws of the text choose the same"
      ),
      (
        selection.ties.isEmpty ? "none" : LayerList.text(selection.ties),
        "layers that the text does not tell apart"
      ),
      (NumberText.fixed(selection.cost.seconds, 1) + " s", "for \(tokens(selection.cost))"),
    ]
    return Markup.element(
      "header", [:],
      Markup.element("h1", [:], "Selection")
        + Markup.element(
          "p", ["class": "soft"],
          Markup.escape("\(report.request.model) · seed \(report.request.seed) · hybridize \(HybridizeVersion.current)")
        ))
      + Page.tiles(tiles)
  }

  private func tokens(_ cost: SelectionCost) -> String {
    "\(NumberText.grouped(cost.judgedTokens)) tokens read"
      + (cost.trainedTokens > 0 ? ", \(NumberText.grouped(cost.trainedTokens)) trained on" : "")
  }

  private var bars: String {
    let figures = report.selections.map { Page.figure(ScoreBars(selection: $0).svg, $0.unit) }
    return Markup.element("div", ["class": "grid2"], figures.joined(separator: "\n"))
  }

  private var quality: String {
    let plots = [
      plot("KL to the original on text, nats a token", \.divergence) { NumberText.short($0) },
      plot("Recall of numbers from phone books", \.recall) { NumberText.fixed($0, 2) },
    ]
    let caption = "By each method's ranking, nothing trained after conversion."
    return Markup.element("div", ["class": "grid2"], plots.map { Page.figure($0, caption) }.joined(separator: "\n"))
  }

  private func plot(
    _ title: String, _ value: KeyPath<SelectionQuality.Point, Double>, _ text: @escaping (Double) -> String
  ) -> String {
    LinePlot(
      title: title, xTitle: "layers kept", xUnit: "layers", xAxis: { Axis.linear($0) },
      xText: { NumberText.brief($0) },
      series: report.quality.enumerated().map { index, quality in
        LinePlot.Series(
          name: quality.method, slot: index,
          points: quality.points.map { LinePlot.Point(x: Double($0.kept), y: $0[keyPath: value]) })
      }, yText: text
    ).svg()
  }

  private var ranking: String {
    let titles = ["rank"] + report.selections.map(\.method)
    let rows = report.selection.ranking.indices.map { place in
      ["\(place + 1)"]
        + report.selections.map { selection in
          let index = selection.ranking[place]
          let score = selection.layers.first { $0.index == index }?.score ?? 0
          return "\(index)  (\(NumberText.short(score)))" + (selection.keep.contains(index) ? " kept" : "")
        }
    }
    return Page.table(titles, rows)
  }

  /// What methods have measured beside their scores.
  private var details: String {
    let tables = report.selections.filter { !$0.details.isEmpty }.map { selection in
      Page.table(
        [selection.method] + selection.details.map { "\($0.name), \($0.unit)" },
        selection.layers.indices.map { place in
          ["layer \(selection.layers[place].index)"] + selection.details.map { NumberText.short($0.values[place]) }
        })
    }
    return Page.section("Measured beside the scores", tables.joined(separator: "\n"))
  }

  private var overview: String { Page.table(SelectionReport.overviewTitles, report.overviewRows) }

  private var overlap: String {
    let selections = report.selections
    return Page.table(
      [""] + selections.map(\.method),
      selections.map { one in
        [one.method] + selections.map { "\(Set(one.keep).intersection($0.keep).count) of \($0.keep.count)" }
      })
  }

  private var notes: [String] {
    let request = report.request
    let mixers =
      request.student.map { "Linear mixers are those of \($0)." }
      ?? "Linear mixers have transferred weights and are not trained."
    var notes = [
      "Candidates read \(request.sequences) sequences of \(request.length) tokens that none was trained on, all the same "
        + "ones, and are compared with the original; methods that ask for recall also read \(request.prompts) phone "
        + "books of \(request.pairs) entries.",
      "Confidence: \(request.resamples) draws of the sequences with replacement, the same for all layers; a layer that is "
        + "chosen in some of them and not in others is a tie.",
      mixers, "What a method measured is not measured again for the next one: its tokens count once.",
    ]
    for selection in report.selections { notes += selection.notes.map { "\(selection.method): \($0)" } }
    return notes
  }
}

extension SelectionReport {
  /// One HTML page that needs nothing beside it.
  public var html: String { SelectionPage(report: self).html }
}
