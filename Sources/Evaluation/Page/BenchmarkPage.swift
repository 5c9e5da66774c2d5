import HybridizeCore

/// A benchmark as one HTML page that needs nothing beside it: no network, no script.
struct BenchmarkPage {
  let report: BenchmarkReport
  private let plots: BenchmarkPlots

  init(_ report: BenchmarkReport) {
    self.report = report
    plots = BenchmarkPlots(report)
  }

  var html: String {
    let body = [
      header, tiles, Page.section("Against the length of the context", pictures), Page.section("Results", resultTable),
      profiles, Page.section("How this was measured", notes),
    ]
    return Page.html(title: "Benchmark: " + report.models.map(plots.name).joined(separator: ", "), body)
  }

  private var header: String {
    let machine = report.machine
    return Markup.element(
      "header", [:],
      Markup.element("h1", [:], "Benchmark")
        + Markup.element(
          "p", ["class": "soft"],
          Markup.escape(
            "\(machine.processor) · \(machine.backend) · \(machine.time) · hybridize \(HybridizeVersion.current)"))
        + sentences)
  }

  /// The speed-up at the deepest context, in words.
  private var sentences: String {
    let deepest = report.results.map(\.test.depth).max() ?? 0
    let said = report.results.filter { $0.test.depth == deepest }.compactMap { result -> String? in
      guard let speedUp = report.speedUp(of: result), let first = report.models.first else { return nil }
      let work = result.test.generate > 0 ? "decodes" : "prefills"
      let context = deepest > 0 ? " after \(NumberText.grouped(deepest)) tokens" : ""
      let source = result.test.generate > 0 ? "the bytes that each reads" : "the operations that each computes"
      return Markup.element(
        "p", [:],
        Markup.element("b", [:], Markup.escape(plots.name(result.model)))
          + Markup.escape(" \(work)\(context) at ")
          + Markup.element("b", [:], Markup.escape(BenchmarkReport.text(speedUp)))
          + Markup.escape(
            " the speed of \(plots.name(first)); \(source) predict \(NumberText.fixed(speedUp.predicted, 2))x."))
    }
    return said.joined()
  }

  private var tiles: String {
    let machine = report.machine
    let places = machine.processors.map { "bound to processors " + $0.map(String.init).joined(separator: ", ") }
    var tiles = [("\(machine.threads)", machine.threads == 1 ? "thread" : "threads, " + (places ?? "not bound"))]
    if let limits = machine.limits {
      tiles.append((BenchmarkReport.bandwidth(limits.memoryBandwidth), "read from memory by all threads"))
      tiles.append(
        ("\(NumberText.fixed(limits.matrixProduct / 1e9, 1)) GFLOP/s", "of a 2,048 x 2,048 product in float32"))
    }
    return Page.tiles(tiles)
  }

  private var pictures: String {
    let captions = [
      "Medians; bars are the median absolute deviation over the repetitions, and often smaller than the marker.",
      "Medians; bars are the median absolute deviation. Each test prefills the same number of tokens after the depth.",
      "Cache and state of one sequence at the end of a test. The peak of the process has the weights of all models and "
        + "two copies of their states.",
      "Tokens a second over the bandwidth of memory divided by the bytes that a token reads.",
    ]
    let available = [plots.decode, plots.prefill, plots.memory, plots.share]
    let figures = zip(available, captions).compactMap { plot, caption in
      plot.map { Page.figure($0.svg(), caption) }
    }
    return Markup.element("div", ["class": "grid2"], figures.joined(separator: "\n"))
  }

  private var resultTable: String {
    let titles = [
      "model", "test", "t/s, median", "± MAD", "limit, t/s", "of limit", "read a token", "cache + state", "speed-up",
      "predicted",
    ]
    let head = Markup.element("tr", [:], titles.map { Markup.element("th", [:], Markup.escape($0)) }.joined())
    var last: BenchmarkTest?
    let rows = report.results.map { result in
      let style = last != nil && last != result.test ? "first" : ""
      last = result.test
      let name = Markup.element(
        "td", [:],
        Markup.escape(plots.name(result.model))
          + Markup.element("small", [:], Markup.escape(result.modelType)))
      let cells = cells(result).map { Markup.element("td", [:], Markup.escape($0)) }.joined()
      return Markup.element("tr", ["class": style], name + cells)
    }
    let table = Markup.element(
      "table", [:], Markup.element("thead", [:], head) + Markup.element("tbody", [:], rows.joined(separator: "\n")))
    return Markup.element("div", ["class": "card scroll"], table)
  }

  private func cells(_ result: BenchmarkResult) -> [String] {
    let speedUp = report.speedUp(of: result)
    let limit = report.machine.limits.map { result.limit($0).rate }
    return [
      result.test.name, NumberText.fixed(result.medianRate, 2),
      NumberText.fixed(result.medianRateDeviation, 2), limit.map { NumberText.fixed($0, 1) } ?? "",
      report.shareOfLimit(result).map { NumberText.fixed(100 * $0, 0) + " %" } ?? "",
      result.test.generate > 0 ? NumberText.bytes(Int(result.work.bytesPerToken)) : "",
      NumberText.bytes(result.cacheBytes), speedUp.map(BenchmarkReport.text) ?? "",
      speedUp.map { NumberText.fixed($0.predicted, 2) + "x" } ?? "",
    ]
  }

  /// The deepest tests in view, the others on request.
  private var profiles: String {
    let all = report.profiles
    guard let deepest = all.map(\.test.depth).max() else { return "" }
    let shallow = all.filter { $0.test.depth < deepest }
    let folded =
      shallow.isEmpty
      ? "" : Markup.element("details", [:], Markup.element("summary", [:], "Other depths") + bars(shallow))
    return Page.section(
      "Where the time goes", LayerBars.legend + bars(all.filter { $0.test.depth == deepest }) + folded)
  }

  private func bars(_ reports: [ProfileReport]) -> String {
    let figures = reports.map { report in
      let axis = LayerBars.axis(reports.filter { $0.test == report.test })
      let share = NumberText.fixed(100 * report.profile.unaccounted, 1)
      let named = ProfileReport(
        model: plots.name(report.model), test: report.test, profile: report.profile, mixers: report.mixers)
      return Page.figure(
        LayerBars(report: named, axis: axis).svg,
        "Microseconds a token, by layer. \(share) % of the time is between operations, and shown.")
    }
    return Markup.element("div", ["class": "grid2"], figures.joined(separator: "\n"))
  }

  private var notes: String {
    let repetitions = report.results.map(\.samples.count).max() ?? 0
    var notes = [
      "All models run in one process on the same kernels and threads, in turn within each of "
        + "\(NumberText.counted(repetitions, "repetition")), each repetition beginning with another model, after a "
        + "run that does not count. Tokens are random: speed does not depend on what they mean.",
      "Speed-up is the ratio of the medians over those of the first model; in brackets, 95 % of a bootstrap that draws "
        + "repetitions in pairs.",
      "ppN prefills N tokens, tgN decodes N tokens one by one, @ dN does so after N tokens.",
    ]
    if report.machine.limits != nil {
      notes.append(
        "The limit of a decode test is bandwidth over the bytes that a token reads: all weights once, and the mean of "
          + "caches and states. Bandwidth is measured before the tests: a buffer much larger than the caches, or the "
          + "model's weights where those are read faster, as small ones are from a cache"
          + (report.weightSpeeds(plots.name).map { ": " + $0 } ?? "") + ".")
      notes.append(
        "The limit of a prefill is the speed of a large float32 matrix product over the operations a token: linear layers, "
          + "attention and recurrences, the latter counted step by step.")
    }
    if !report.profiles.isEmpty {
      notes.append(
        "Profiles come from runs beside the timed ones, with the clock read around every operation, which costs some time; "
          + "the fastest is shown.")
    }
    return Page.notes(notes)
  }
}
