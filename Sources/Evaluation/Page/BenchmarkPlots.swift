import HybridizeCore

/// The pictures of a benchmark: what is measured against the length of the context.
struct BenchmarkPlots {
  let report: BenchmarkReport
  private let names: [String: String]

  init(_ report: BenchmarkReport) {
    self.report = report
    names = Self.shortNames(report.models)
  }

  /// The last part of each path, or the whole path where that does not tell them apart.
  static func shortNames(_ models: [String]) -> [String: String] {
    let last = models.map { model in model.split(separator: "/").last.map(String.init) ?? model }
    let areDistinct = Set(last).count == last.count
    return Dictionary(
      zip(models, areDistinct ? last : models).map { ($0, shortened(ErrorText.escape($1))) }
    ) { first, _ in first }
  }

  private static func shortened(_ name: String) -> String {
    name.count <= 56 ? name : name.prefix(20) + "…" + name.suffix(35)
  }

  func name(_ model: String) -> String { names[model] ?? model }

  var decode: LinePlot? { rates("Decode, tokens a second") { $0.generate > 0 } }
  var prefill: LinePlot? { rates("Prefill, tokens a second") { $0.prompt > 0 } }

  private func rates(_ title: String, _ isMeant: (BenchmarkTest) -> Bool) -> LinePlot? {
    plot(title, yText: Self.rate) { model in
      points(model, isMeant) { LinePlot.Point(x: $0, y: $1.medianRate, deviation: $1.medianRateDeviation) }
    }
  }

  /// Cache and state of each model, and beside them the most that the process had.
  /// At the end of the decode tests, or of the prefills if there are none.
  var memory: LinePlot? {
    let decodes = report.results.contains { $0.test.generate > 0 }
    let results = report.results.filter { $0.test.generate > 0 || !decodes }
    let peaks = Dictionary(results.map { (Self.context($0.test), Double($0.peakBytes)) }, uniquingKeysWith: max)
    let process = LinePlot.Series(
      name: "peak of the whole process, all models loaded", slot: 0,
      points: peaks.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { LinePlot.Point(x: $0.key, y: $0.value) },
      isAside: true)
    return plot(
      "Memory: cache and state", aside: process.points.isEmpty ? [] : [process],
      yText: Self.bytes
    ) { model in
      points(model, { $0.generate > 0 || !decodes }) { LinePlot.Point(x: $0, y: Double($1.cacheBytes)) }
    }
  }

  /// How much of what the bandwidth of memory allows decoding reaches, in percent.
  var share: LinePlot? {
    guard report.machine.limits != nil else { return nil }
    return plot("Decode, percent of what memory allows", yText: { NumberText.fixed($0, 0) + " %" }) { model in
      points(model, { $0.generate > 0 }) { LinePlot.Point(x: $0, y: 100 * (report.shareOfLimit($1) ?? 0)) }
    }
  }

  private func plot(
    _ title: String, aside: [LinePlot.Series] = [], yText: @escaping (Double) -> String,
    _ points: (String) -> [LinePlot.Point]
  ) -> LinePlot? {
    let series = report.models.enumerated().map { index, model in
      LinePlot.Series(name: name(model), slot: index % PageStyle.colours, points: points(model))
    }.filter { !$0.points.isEmpty }
    guard !series.isEmpty else { return nil }
    return LinePlot(title: title, xTitle: "tokens in the context at the end", series: series + aside, yText: yText)
  }

  private func points(
    _ model: String, _ isMeant: (BenchmarkTest) -> Bool, _ point: (Double, BenchmarkResult) -> LinePlot.Point
  ) -> [LinePlot.Point] {
    report.results.filter { $0.model == model && isMeant($0.test) }.map { point(Self.context($0.test), $0) }
      .sorted { $0.x < $1.x }
  }

  private static func context(_ test: BenchmarkTest) -> Double { Double(test.depth + test.tokens) }

  static func rate(_ value: Double) -> String {
    value > 0 && value < 10 ? NumberText.fixed(value, 1) : grouped(value)
  }

  /// `12,345`; a fraction only where it says something.
  static func grouped(_ value: Double) -> String {
    guard value < 1e15 else { return "\(value)" }
    return value < 10 && value != value.rounded()
      ? NumberText.fixed(value, 1) : NumberText.grouped(Int(value.rounded()))
  }

  /// Three digits and the unit, none of them an empty decimal: `128 KiB`, `64.5 MiB`.
  static func bytes(_ value: Double) -> String {
    let text = NumberText.bytes(Int(value))
    let number = text.prefix { $0 != " " }
    let unit = text.dropFirst(number.count)
    var digits = String(number)
    if digits.contains(".") {
      while digits.last == "0" { digits.removeLast() }
      if digits.last == "." { digits.removeLast() }
    }
    return digits + unit
  }

  /// `512`, `8K`, `2.5K`.
  static func tokens(_ value: Double) -> String {
    guard value >= 1024 else { return NumberText.fixed(value, 0) }
    let (unit, name) = value >= 1024 * 1024 ? (1024.0 * 1024, "M") : (1024.0, "K")
    let count = value / unit
    return NumberText.fixed(count, count == count.rounded() ? 0 : 1) + name
  }

  /// Decode and prefill beside each other, as a drawing that stands by itself.
  var svg: String {
    let plots = [decode, prefill].compactMap { $0 }
    let gap = 24.0
    let width = 2 * gap + Double(plots.count) * LinePlot.width + gap * Double(max(0, plots.count - 1))
    let height = 2 * gap + (plots.map(\.height).max() ?? 0)
    let drawings = plots.enumerated().map { index, plot in
      plot.svg(at: (x: gap + Double(index) * (LinePlot.width + gap), y: gap))
    }
    let background = Markup.empty(
      "rect", ["width": Markup.number(width), "height": Markup.number(height), "rx": "10", "class": "surface"])
    return Markup.element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "width": Markup.number(width), "height": Markup.number(height),
        "viewBox": "0 0 \(Markup.number(width)) \(Markup.number(height))", "role": "img",
      ],
      Markup.element("title", [:], "Tokens a second against context") + "<style>\(PageStyle.drawing)</style>"
        + background + drawings.joined()) + "\n"
  }
}
