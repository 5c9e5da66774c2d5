import HybridizeCompute
import HybridizeCore

/// Benchmark results as llama-bench prints them and as programs that read llama-bench expect them, beside what the
/// machine allows.
public struct BenchmarkReport: Sendable {
  /// What the numbers were measured with.
  public struct Machine: Sendable {
    public let processor: String
    public let threads: Int
    /// Backend, instruction set and BLAS core.
    public let backend: String
    /// ISO 8601, UTC.
    public let time: String
    /// Where the threads were bound to; `nil` where they were free.
    public let processors: [Int]?
    /// Measured in the same run; `nil` for a backend that does not measure itself.
    public let limits: MachineLimits?

    public init(
      processor: String, threads: Int, backend: String, time: String, processors: [Int]? = nil,
      limits: MachineLimits? = nil
    ) {
      self.processor = processor
      self.threads = threads
      self.backend = backend
      self.time = time
      self.processors = processors
      self.limits = limits
    }
  }

  /// How much faster a model is than the first, in one test.
  public struct SpeedUp: Sendable, Equatable {
    public let model: String
    public let test: String
    /// The ratio of the median rates.
    public let factor: Double
    /// 95 % of what a paired bootstrap over the repetitions gives; `nil` for less than three of them.
    public let interval: ClosedRange<Double>?
    /// The ratio of the limits: of bytes read for a decode test, of operations for a prefill.
    public let predicted: Double
  }

  public enum Format: String, Sendable, CaseIterable {
    case md
    case json
    case csv
  }

  public let results: [BenchmarkResult]
  public let machine: Machine

  public init(results: [BenchmarkResult], machine: Machine) {
    self.results = results
    self.machine = machine
  }

  /// The models' names, in order.
  public var models: [String] {
    results.reduce(into: []) { names, result in if !names.contains(result.model) { names.append(result.model) } }
  }

  /// Of each model over the first, test by test.
  public var speedUps: [SpeedUp] { results.compactMap(speedUp) }

  /// `nil` for a result of the first model.
  func speedUp(of result: BenchmarkResult) -> SpeedUp? {
    guard let first = results.first?.model, first != result.model,
      let base = results.first(where: { $0.model == first && $0.test == result.test })
    else { return nil }
    let ratio = PairedRatio(of: result.rates, over: base.rates)
    return SpeedUp(
      model: result.model, test: result.test.name, factor: ratio.value, interval: ratio.interval,
      predicted: result.test.generate > 0
        ? base.work.bytesPerToken / result.work.bytesPerToken
        : base.work.operationsPerToken / result.work.operationsPerToken)
  }

  /// The share of what the machine allows that a result reaches.
  func shareOfLimit(_ result: BenchmarkResult) -> Double? {
    machine.limits.map { result.medianRate / result.limit($0).rate }
  }

  public var markdown: String {
    var table = TextTable([
      ("model", .left), ("type", .left), ("size", .right), ("threads", .right), ("test", .right),
      ("t/s, median ± MAD", .right), ("of limit", .right), ("cache + state", .right), ("speed-up", .right),
      ("predicted", .right),
    ])
    for result in results {
      let speedUp = speedUp(of: result)
      table.add([
        result.model, result.modelType, NumberText.bytes(result.modelBytes), "\(machine.threads)", result.test.name,
        NumberText.fixed(result.medianRate, 2) + " ± " + NumberText.fixed(result.medianRateDeviation, 2),
        shareOfLimit(result).map { NumberText.fixed(100 * $0, 0) + " %" } ?? "",
        NumberText.bytes(result.cacheBytes), speedUp.map(Self.text) ?? "",
        speedUp.map { NumberText.fixed($0.predicted, 2) + "x" } ?? "",
      ])
    }
    let profiles = results.contains { $0.profile != nil } ? "\n" + profileText : ""
    return ErrorText.escape(head) + "\n\n" + table.markdown + profiles
  }

  static func text(_ speedUp: SpeedUp) -> String {
    let factor = NumberText.fixed(speedUp.factor, 2) + "x"
    guard let interval = speedUp.interval else { return factor }
    return factor
      + " (\(NumberText.fixed(interval.lowerBound, 2)) to \(NumberText.fixed(interval.upperBound, 2)))"
  }

  /// The machine and what it can do at most, in one line.
  private var head: String {
    var line = "\(machine.processor), \(machine.backend), \(NumberText.counted(machine.threads, "thread"))"
    if let processors = machine.processors {
      line += " bound to processors " + processors.map(String.init).joined(separator: ", ")
    }
    guard let limits = machine.limits else { return line }
    return line + "; limits: reads \(Self.bandwidth(limits.memoryBandwidth)) from memory, multiplies matrices at "
      + "\(NumberText.fixed(limits.matrixProduct / 1e9, 1)) GFLOP/s" + (weightSpeeds { $0 }.map { "; " + $0 } ?? "")
  }

  /// At what speed the weights of each model are read, in words; `nil` where that was not measured.
  ///
  /// - Parameter name: how a model is called.
  func weightSpeeds(_ name: (String) -> String) -> String? {
    let speeds = models.compactMap { model in
      results.last { $0.model == model }?.weightBandwidth.map { "\(Self.bandwidth($0)) (\(name(model)))" }
    }
    return speeds.isEmpty ? nil : "weights alone are read at " + speeds.joined(separator: ", ")
  }

  static func bandwidth(_ bytesPerSecond: Double) -> String { NumberText.fixed(bytesPerSecond / 1e9, 1) + " GB/s" }

  public var csv: String {
    guard let first = results.first else { return "" }
    let names = row(first).keys.filter { !$0.hasPrefix("samples") }
    let lines = results.map { result in
      let row = row(result)
      return names.map { Self.csvField(row[$0] ?? .null) }.joined(separator: ",")
    }
    return ([names.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }

  private static func csvField(_ value: JSONValue) -> String {
    if value.isNull { return "\"\"" }
    guard let text = value.stringValue else { return "\"\(JSONWriter.compact(value))\"" }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
