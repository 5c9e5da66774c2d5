import HybridizeCore

/// Benchmark results as llama-bench prints them, and as programs that read llama-bench expect them.
public struct BenchmarkReport: Sendable {
  /// What the numbers were measured with.
  public struct Machine: Sendable {
    public let processor: String
    public let threads: Int
    /// Backend, instruction set and BLAS core.
    public let backend: String
    /// ISO 8601, UTC.
    public let time: String

    public init(processor: String, threads: Int, backend: String, time: String) {
      self.processor = processor
      self.threads = threads
      self.backend = backend
      self.time = time
    }
  }

  /// How much faster a model is than the first, in one test.
  public struct SpeedUp: Sendable, Equatable {
    public let model: String
    public let test: String
    public let factor: Double
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

  /// Of each model over the first, test by test, by mean rates.
  public var speedUps: [SpeedUp] {
    guard let first = results.first?.model else { return [] }
    return results.filter { $0.model != first }.compactMap { result in
      guard let base = results.first(where: { $0.model == first && $0.test == result.test }) else { return nil }
      return SpeedUp(model: result.model, test: result.test.name, factor: result.meanRate / base.meanRate)
    }
  }

  public var json: JSONObject {
    [
      "schema": .string("hybridize.bench/1"), "results": .array(results.map { .object(row($0)) }),
      "speedup": .array(
        speedUps.map {
          .object(["model": .string($0.model), "test": .string($0.test), "factor": .double($0.factor)])
        }),
    ]
  }

  /// One row, with llama-bench's names.
  private func row(_ result: BenchmarkResult) -> JSONObject {
    func list(_ values: [Double]) -> JSONValue { .array(values.map { .double($0) }) }
    let nanoseconds = result.samples.map { ($0 * 1e9).rounded() }
    return [
      "build_commit": .string(HybridizeVersion.current), "build_number": .integer(0),
      "cpu_info": .string(machine.processor), "gpu_info": .string(""), "backends": .string(machine.backend),
      "model": .string(result.model), "model_filename": .string(result.model),
      "model_type": .string(result.modelType), "model_size": .integer(result.modelBytes),
      "model_n_params": .integer(result.parameters), "n_threads": .integer(machine.threads),
      "type_k": .string("f32"), "type_v": .string("f32"), "test": .string(result.test.name),
      "n_prompt": .integer(result.test.prompt), "n_gen": .integer(result.test.generate),
      "n_depth": .integer(result.test.depth), "test_time": .string(machine.time),
      "avg_ns": .integer(Int(nanoseconds.mean)), "stddev_ns": .integer(Int(nanoseconds.standardDeviation)),
      "avg_ts": .double(result.meanRate), "stddev_ts": .double(result.rateDeviation),
      "samples_ns": .array(nanoseconds.map { .integer(Int($0)) }), "samples_ts": list(result.rates),
      "cache_bytes": .integer(result.cacheBytes),
    ]
  }

  public var markdown: String {
    var table = TextTable([
      ("model", .left), ("type", .left), ("size", .right), ("threads", .right), ("test", .right), ("t/s", .right),
      ("cache + state", .right), ("speed-up", .right),
    ])
    let factors = speedUps
    for result in results {
      let factor = factors.first { $0.model == result.model && $0.test == result.test.name }?.factor
      table.add([
        result.model, result.modelType, NumberText.bytes(result.modelBytes), "\(machine.threads)",
        result.test.name,
        NumberText.fixed(result.meanRate, 2) + " ± " + NumberText.fixed(result.rateDeviation, 2),
        NumberText.bytes(result.cacheBytes), factor.map { NumberText.fixed($0, 2) + "x" } ?? "",
      ])
    }
    return table.markdown + "\n\(ErrorText.escape(machine.processor)), \(machine.backend)\n"
  }

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
    guard let text = value.stringValue else { return "\"\(JSONWriter.compact(value))\"" }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
