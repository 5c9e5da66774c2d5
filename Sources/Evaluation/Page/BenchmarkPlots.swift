import HybridizeCore

/// The pictures of a benchmark: what is measured against the length of the context.
package struct BenchmarkPlots {
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

  private var decodes: [BenchmarkResult] { report.results.filter { $0.test.generate > 0 } }
  private var prefills: [BenchmarkResult] { report.results.filter { $0.test.prompt > 0 } }

  var decode: LinePlot? { rates("Decode, tokens a second", decodes) }
  var prefill: LinePlot? { rates("Prefill, tokens a second", prefills) }

  private func rates(_ title: String, _ results: [BenchmarkResult]) -> LinePlot? {
    plot(title, results, yText: Self.grouped) {
      LinePlot.Point(x: Self.context($0.test), y: $0.medianRate, deviation: $0.medianRateDeviation)
    }
  }

  /// Cache and state of each model, and beside them the most that the process had, at the end of the decode tests, or of
  /// the prefills if there are no others.
  var memory: LinePlot? {
    let results = decodes.isEmpty ? prefills : decodes
    let peaks = Dictionary(results.map { (Self.context($0.test), Double($0.peakBytes)) }, uniquingKeysWith: max)
    let process = LinePlot.Series(
      name: "peak of the whole process, all models loaded", slot: 0,
      points: peaks.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { LinePlot.Point(x: $0.key, y: $0.value) },
      form: .aside)
    return plot("Memory: cache and state", results, aside: [process], yText: Self.bytes) {
      LinePlot.Point(x: Self.context($0.test), y: Double($0.cacheBytes))
    }
  }

  /// How much of what the bandwidth of memory allows decoding reaches, in percent.
  var share: LinePlot? {
    guard report.machine.limits != nil else { return nil }
    return plot("Decode, percent of what memory allows", decodes, yText: Self.percent) {
      LinePlot.Point(x: Self.context($0.test), y: 100 * (report.shareOfLimit($0) ?? 0))
    }
  }

  /// A line a model; `nil` without results.
  private func plot(
    _ title: String, _ results: [BenchmarkResult], aside: [LinePlot.Series] = [],
    yText: @escaping (Double) -> String, _ point: (BenchmarkResult) -> LinePlot.Point
  ) -> LinePlot? {
    guard !results.isEmpty else { return nil }
    let series = report.models.enumerated().map { index, model in
      LinePlot.Series(
        name: name(model), slot: index,
        points: results.filter { $0.model == model }.map(point).sorted { $0.x < $1.x })
    }
    return LinePlot(
      title: title, xTitle: "tokens in the context at the end",
      series: (series + aside).filter { !$0.points.isEmpty }, yText: yText)
  }

  private static func context(_ test: BenchmarkTest) -> Double { Double(test.depth + test.tokens) }

  static func percent(_ value: Double) -> String { NumberText.fixed(value, 0) + " %" }

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
    return NumberText.withoutEmptyDecimals(String(number)) + text.dropFirst(number.count)
  }

  /// `512`, `8K`, `2.5K`.
  package static func tokens(_ value: Double) -> String {
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
    return Markup.document("Tokens a second against context", width: width, height: height, drawings.joined())
  }
}
