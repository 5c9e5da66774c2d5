import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import TestSupport
import Testing

@Suite("pages and plots of benchmarks")
struct BenchmarkPageTests {
  /// What a name must not be able to do: end a tag, an attribute, a script or the page, or be no XML.
  static let hostile = [
    "</title><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "a & b < c > d",
    "]]><svg onload=alert(1)>", "\u{0}\u{1B}[31m\u{7F}\u{FFFF}\u{FFFE}\u{202E}x", "<!-- ", "&lt;b&gt;",
    String(repeating: "long/", count: 40) + "é✓",
  ]

  static func report(_ models: [String], profiled: Bool = true, depths: [Int] = [0, 4096]) -> BenchmarkReport {
    var profile = Profile()
    profile.add(.embedding, .memory, nanoseconds: 1000)
    profile.add(.mixer(layer: 0), .attention, nanoseconds: 9000)
    profile.add(.feedForward(layer: 1), .linear, nanoseconds: 5000)
    profile.add(.head, .other, nanoseconds: 700)
    let results = BenchmarkTest.all(prompt: 8, generate: 4, depths: depths).flatMap { test in
      models.enumerated().map { index, model in
        BenchmarkResult(
          model: model, modelType: "llama <&>", modelBytes: 1 << 20, parameters: 1024, test: test,
          samples: [0.5, 0.4, 0.6].map { $0 / Double(index + 1) }, cacheBytes: 4096 * (test.depth + 1),
          work: BenchmarkWork(
            tokens: test.tokens, weightBytes: 4096, cacheBytesRead: 100, linearOperations: 10, mixingOperations: 1),
          peakBytes: 1 << 24, profile: profiled ? profile : nil, mixers: ["softmax-attention", "gated-deltanet"])
      }
    }
    return BenchmarkReport(
      results: results,
      machine: BenchmarkReport.Machine(
        processor: "<fast> & \"cheap\"", threads: 2, backend: "cpu", time: "2026-01-02T03:04:05Z", processors: [0, 1],
        limits: MachineLimits(memoryBandwidth: 2e10, matrixProduct: 1e11)))
  }

  @Test("names from outside stay text", arguments: hostile)
  func hostileNames(_ name: String) {
    let harmless = Self.report(["model", "other"])
    let report = Self.report(["model", name])
    for (document, plain) in [(report.html, harmless.html), (report.plot, harmless.plot)] {
      let (found, expected) = (MarkupReading(document), MarkupReading(plain))
      #expect(found.failure == nil)
      #expect(found.elements == expected.elements, "the name makes no element")
      #expect(found.attributes == expected.attributes, "the name makes no attribute")
      #expect(!document.contains("<script") && !document.contains("<img"))
    }
  }

  @Test("a page is whole by itself: nothing is fetched, nothing runs")
  func selfContained() {
    let page = Self.report(["a", "b"]).html
    let reading = MarkupReading(page)
    #expect(reading.failure == nil)
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</html>\n"))
    #expect(reading.elements["script"] == nil && reading.elements["img"] == nil && reading.elements["iframe"] == nil)
    #expect(reading.attributes.isDisjoint(with: ["src", "onload", "onclick", "srcset"]))
    #expect(!page.contains("http:") && !page.contains("https:") && !page.contains("@import") && !page.contains("url("))
    #expect(page.contains("prefers-color-scheme: dark"))
  }

  @Test("it shows machine, limits, results, plots and profiles")
  func content() throws {
    let report = Self.report(["x/original", "x/hybrid"])
    let reading = MarkupReading(report.html)
    for text in [
      "<fast> & \"cheap\"", "20.0 GB/s", "100.0 GFLOP/s", "bound to processors 0, 1", "original", "hybrid", "llama <&>",
      "pp8 @ d4096", "tg4", "2.00x (", "Decode, tokens a second", "Prefill, tokens a second", "Memory: cache and state",
      "Decode, percent of what memory allows", "How this was measured", "a dot marks softmax attention",
      "4.5 % of the time is between operations",
    ] { #expect(reading.text.contains(text), "\(text)") }
    // Four plots, and a profile of each test and model.
    #expect(reading.elements["svg"] == 4 + 8)
    #expect(MarkupReading(Self.report(["x", "y"], profiled: false).html).elements["svg"] == 4)
    for number in ["nan", "inf", "-0.0"] { #expect(!report.html.lowercased().contains(">\(number)"), "\(number)") }
  }

  @Test("a plot by itself is an SVG document that brings its style")
  func plot() throws {
    let reading = MarkupReading(Self.report(["a", "b"]).plot)
    #expect(reading.failure == nil)
    #expect(reading.elements["svg"] == 1 && reading.elements["style"] == 1 && reading.elements["polyline"] == 4)
    #expect(reading.text.contains("Decode, tokens a second"))
  }

  @Test(
    "few results make a page too",
    arguments: [([String](), [0]), (["one"], [0]), (["a", "b", "c", "d", "e", "f", "g"], [3])])
  func few(_ models: [String], _ depths: [Int]) {
    let report = Self.report(models, depths: depths)
    #expect(MarkupReading(report.html).failure == nil && MarkupReading(report.plot).failure == nil)
  }

  @Test("a page replaces another one whole, and one that cannot be written is told before the work")
  func written() throws {
    let directory = TemporaryDirectory()
    directory.write("page.html", "old")
    try BenchmarkReport.checkWritable(directory.path("page.html"))
    #expect(directory.entries() == ["page.html"] && directory.bytes("page.html") == Array("old".utf8))
    try AtomicFile.write("new", to: directory.path("page.html"))
    #expect(directory.entries() == ["page.html"] && directory.bytes("page.html") == Array("new".utf8))
    expectProblem(.cannotWrite) { try BenchmarkReport.checkWritable(directory.path("nowhere/page.html")) }
  }

  @Test("axes hold their values in order, ticks within", arguments: 0..<40)
  func axes(_ seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed), stream: "axes")
    let scale = exp2(generator.uniform(-20, 60))
    let values = (0..<1 + generator.index(below: 8)).map { _ in scale * exp2(generator.uniform(0, 14)) }.sorted()
    for axis in [Axis.linear(values), .logarithmic(values), .fitting(values)] {
      let places = values.map(axis.place)
      #expect(places == places.sorted() && places.allSatisfy { (0...1).contains($0) })
      #expect(axis.ticks == axis.ticks.sorted() && axis.ticks.count <= 9)
      #expect(axis.ticks.allSatisfy { $0 >= axis.low * 0.999 && $0 <= axis.high * 1.001 })
    }
    #expect(Axis.linear(values).low == 0)
  }

  @Test("an axis of nothing is an axis", arguments: [[], [0], [.nan], [5, 5.0]])
  func degenerate(_ values: [Double]) {
    for axis in [Axis.linear(values), .logarithmic(values), .fitting(values)] {
      #expect(axis.low < axis.high && axis.place(axis.low) == 0 && axis.place(axis.high) == 1)
    }
  }
}
