import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("benchmarks and their reports")
struct BenchmarkReportTests {
  static let machine = BenchmarkReport.Machine(
    processor: "Some \"fast\" processor, 3 GHz", threads: 2, backend: "cpu, plain", time: "2026-01-02T03:04:05Z",
    processors: [0, 3], limits: MachineLimits(memoryBandwidth: 30_000, matrixProduct: 9600))

  /// 1,000 bytes of weights and some of cache a token, 1,200 operations in all.
  static func result(
    _ model: String, prompt: Int = 0, generate: Int = 0, depth: Int = 0, _ samples: [Double],
    cacheBytesRead: Double = 500,
    mixingOperations: Int = 200, weightBandwidth: Double? = nil
  ) -> BenchmarkResult {
    BenchmarkResult(
      model: model, modelType: "llama 1.0K F32", modelBytes: 4096, parameters: 1024,
      test: BenchmarkTest(prompt: prompt, generate: generate, depth: depth), samples: samples, cacheBytes: 2048,
      work: BenchmarkWork(
        tokens: prompt + generate, weightBytes: 1000, cacheBytesRead: cacheBytesRead, linearOperations: 1000,
        mixingOperations: mixingOperations), weightBandwidth: weightBandwidth, peakBytes: 1 << 20)
  }

  /// Rates 200 and 400, then 800; 10, then 5.
  static let report = BenchmarkReport(
    results: [
      result("a|b", prompt: 100, [0.5, 0.25]), result("c,\"d\"", prompt: 100, [0.125, 0.125], mixingOperations: 1400),
      result("a|b", generate: 10, depth: 64, [1]),
      result("c,\"d\"", generate: 10, depth: 64, [2], cacheBytesRead: 200, weightBandwidth: 60_000),
    ], machine: machine)

  @Test("a rate is the mean of the samples' rates, its deviation has n - 1")
  func rates() {
    let result = Self.report.results[0]
    #expect(result.rates == [200, 400])
    #expect(result.meanRate == 300)
    #expect(abs(result.rateDeviation - 20000.0.squareRoot()) < 1e-9)
    #expect(Self.report.results[1].rateDeviation == 0)
  }

  @Test("the median and its deviation are of the rates")
  func medians() {
    let result = Self.result("a", generate: 100, [1, 0.5, 0.25, 100])
    #expect(result.medianRate == 150 && result.medianRateDeviation == 99.5)
  }

  @Test("a decode test is bound by bytes over bandwidth, a prefill by operations over the speed of products")
  func limits() throws {
    let machine = try #require(Self.machine.limits)
    let results = Self.report.results
    #expect(results[0].limit(machine) == .product(operationsPerToken: 12, rate: 9600))
    #expect(results[0].limit(machine).rate == 800)
    #expect(results[2].limit(machine) == .memory(bytesPerToken: 1500, bandwidth: 30_000))
    #expect(results[2].limit(machine).rate == 20)
    // Weights that a cache gives faster than memory would.
    #expect(results[3].limit(machine) == .memory(bytesPerToken: 1200, bandwidth: 60_000))

    let rows = try #require(Self.report.json["results"]?.arrayValue).compactMap(\.objectValue)
    #expect(rows.map { $0["percent_of_limit"]?.doubleValue } == [37.5, 200, 50, 10])
    #expect(rows.map { $0["limit_ts"]?.doubleValue } == [800, 400, 20, 50])
    let expected: [(String, [Double?])] = [
      ("weight_bytes", [nil, nil, 1000, 1000]), ("cache_bytes_read", [nil, nil, 500, 200]),
      ("bytes_per_token", [nil, nil, 1500, 1200]), ("bandwidth_limit", [nil, nil, 30_000, 60_000]),
      ("linear_flops_per_token", [10, 10, nil, nil]), ("mixing_flops_per_token", [2, 14, nil, nil]),
      ("flops_per_token", [12, 24, nil, nil]), ("flops_limit", [9600, 9600, nil, nil]),
    ]
    for (key, values) in expected { #expect(rows.map { $0[key]?.doubleValue } == values, "\(key)") }
    let limits = Self.report.json["limits"]?.objectValue
    #expect(limits?["memory_bandwidth"] == .double(30_000) && limits?["matrix_product_flops"] == .double(9600))
    #expect(Self.report.json["processors"] == .array([.integer(0), .integer(3)]))
  }

  @Test("without limits nothing is said of them, and all else stays")
  func noLimits() throws {
    let bare = BenchmarkReport.Machine(processor: "p", threads: 1, backend: "b", time: "t")
    let report = BenchmarkReport(results: Self.report.results, machine: bare)
    let rows = try #require(report.json["results"]?.arrayValue).compactMap(\.objectValue)
    #expect(rows.allSatisfy { $0["percent_of_limit"] == .null && $0["limit_ts"] == .null })
    #expect(rows[2]["bytes_per_token"] == .double(1500))
    #expect(report.json["limits"] == .null && report.json["processors"] == .null)
    #expect(report.markdown.hasPrefix("p, b, 1 thread\n\n|") && !report.markdown.contains("%"))
  }

  @Test("speed-ups are over the first model, test by test")
  func speedUps() {
    #expect(Self.report.speedUps.map(\.model) == ["c,\"d\"", "c,\"d\""])
    #expect(Self.report.speedUps.map(\.test) == ["pp100", "tg10 @ d64"])
    #expect(Self.report.speedUps.map(\.factor) == [800.0 / 300, 0.5])
    #expect(Self.report.speedUps.map(\.predicted) == [0.5, 1.25])
    #expect(Self.report.speedUps.map(\.interval) == [nil, nil])
    #expect(BenchmarkReport(results: [], machine: Self.machine).speedUps == [])
  }

  @Test("JSON has llama-bench's names and units")
  func json() throws {
    let json = Self.report.json
    let rows = try #require(json["results"]?.arrayValue).compactMap(\.objectValue)
    #expect(rows.count == 4)
    let expected: JSONObject = [
      "build_commit": .string(HybridizeVersion.current), "cpu_info": .string("Some \"fast\" processor, 3 GHz"),
      "model": .string("a|b"), "model_filename": .string("a|b"), "model_type": .string("llama 1.0K F32"),
      "model_size": .integer(4096), "model_n_params": .integer(1024), "n_threads": .integer(2),
      "test": .string("pp100"), "n_prompt": .integer(100), "n_gen": .integer(0), "n_depth": .integer(0),
      "test_time": .string("2026-01-02T03:04:05Z"), "avg_ns": .integer(375_000_000),
      "stddev_ns": .integer(176_776_695), "avg_ts": .double(300), "cache_bytes": .integer(2048),
      "samples_ns": .array([.integer(500_000_000), .integer(250_000_000)]),
      "samples_ts": .array([.double(200), .double(400)]), "median_ts": .double(300), "mad_ts": .double(100),
      "peak_bytes": .integer(1 << 20),
    ]
    for (key, value) in expected.members { #expect(rows[0][key] == value, "\(key)") }
    #expect(rows[2]["n_gen"] == .integer(10) && rows[2]["n_depth"] == .integer(64))
    let speedUp = try #require(json["speedup"]?.arrayValue).compactMap(\.objectValue)
    #expect(speedUp.map { $0["factor"]?.doubleValue } == [800.0 / 300, 0.5])
    #expect(speedUp.map { $0["predicted_speedup"]?.doubleValue } == [0.5, 1.25])
    #expect(speedUp.map { $0["low"] } == [.null, .null])
  }

  @Test("CSV is one quoted line a test, quotes within are doubled")
  func csv() throws {
    let lines = Self.report.csv.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 6 && lines[5] == "")
    let names = lines[0].split(separator: ",")
    #expect(names.first == "build_commit" && !names.contains { $0.hasPrefix("samples") })
    for line in lines[1..<5] { #expect(Self.fields(line).count == names.count, "\(line)") }
    let model = try #require(names.firstIndex(of: "model"))
    let rate = try #require(names.firstIndex(of: "avg_ts"))
    let processor = try #require(names.firstIndex(of: "cpu_info"))
    #expect(lines[1..<5].map { Self.fields($0)[model] } == ["a|b", "c,\"d\"", "a|b", "c,\"d\""])
    #expect(lines[1..<5].map { Double(Self.fields($0)[rate]) } == [300, 800, 10, 5])
    #expect(Self.fields(lines[1])[processor] == "Some \"fast\" processor, 3 GHz")
    #expect(BenchmarkReport(results: [], machine: Self.machine).csv == "")
  }

  /// The fields of a line of quoted fields.
  private static func fields(_ line: Substring) -> [String] {
    var fields = [""]
    var isQuoted = false
    var characters = line[...]
    while let character = characters.popFirst() {
      switch character {
      case "\"" where isQuoted && characters.first == "\"":
        fields[fields.count - 1].append("\"")
        characters = characters.dropFirst()
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields
  }

  @Test("Markdown is the machine and one table, bars within a cell do not end it")
  func markdown() {
    #expect(
      Self.report.markdown == #"""
        Some "fast" processor, 3 GHz, cpu, plain, 2 threads bound to processors 0, 3; limits: reads 0.0 GB/s from memory, \#
        multiplies matrices at 0.0 GFLOP/s; weights alone are read at 0.0 GB/s (c,"d")

        | model | type           |     size | threads |       test | t/s, median ± MAD | of limit | cache + state | speed-up | predicted |
        | ----- | -------------- | -------: | ------: | ---------: | ----------------: | -------: | ------------: | -------: | --------: |
        | a\|b  | llama 1.0K F32 | 4.00 KiB |       2 |      pp100 |   300.00 ± 100.00 |     38 % |      2.00 KiB |          |           |
        | c,"d" | llama 1.0K F32 | 4.00 KiB |       2 |      pp100 |     800.00 ± 0.00 |    200 % |      2.00 KiB |    2.67x |     0.50x |
        | a\|b  | llama 1.0K F32 | 4.00 KiB |       2 | tg10 @ d64 |      10.00 ± 0.00 |     50 % |      2.00 KiB |          |           |
        | c,"d" | llama 1.0K F32 | 4.00 KiB |       2 | tg10 @ d64 |       5.00 ± 0.00 |     10 % |      2.00 KiB |    0.50x |     1.25x |

        """#)
  }

  @Test("tests are named as llama-bench names them, every depth with what is asked for")
  func names() {
    #expect(
      BenchmarkTest.all(prompt: 512, generate: 128, depths: [0, 2048]).map(\.name)
        == ["pp512", "tg128", "pp512 @ d2048", "tg128 @ d2048"])
    #expect(BenchmarkTest.all(prompt: 0, generate: 1, depths: [5]).map(\.name) == ["tg1 @ d5"])
    #expect(BenchmarkTest.all(prompt: 3, generate: 0, depths: []) == [])
  }

  @Test("models are run in turn, each result with what it has cost to keep the tokens")
  func run() throws {
    let backend = try BackendRegistry.make("cpu", threads: 2)
    let subjects = try [Fixtures.model, Fixtures.hybrid].map { path in
      let directory = try ModelDirectory(path)
      return Benchmark.Subject(name: path, directory: directory, model: try directory.load(on: backend))
    }
    let tests = BenchmarkTest.all(prompt: 5, generate: 2, depths: [0, 9])
    let results = try Benchmark(Benchmark.Options(repetitions: 3)).run(subjects, tests)
    #expect(results.map(\.test) == tests.flatMap { [$0, $0] })
    #expect(results.map(\.model) == (0..<4).flatMap { _ in [Fixtures.model, Fixtures.hybrid] })
    for result in results {
      #expect(result.samples.count == 3 && result.samples.allSatisfy { $0 > 0 })
      #expect(result.peakBytes > result.cacheBytes && result.profile == nil)
      #expect(result.work.tokens == result.test.tokens && result.weightBandwidth ?? 0 > 0)
      let tokens = result.test.depth + result.test.tokens
      #expect(
        result.cacheBytes == (result.model == Fixtures.model ? 8 * tokens * 1024 : 2 * tokens * 1024 + 6 * 65536))
    }
    #expect(results[0].modelType == "llama 5.8M BF16" && results[1].modelType == "llama hybrid 2/8 6.2M BF16")
    #expect(results[0].modelBytes == 2 * results[0].parameters)
  }

  @Test("every model comes first as often as any other", arguments: [1, 2, 3])
  func order(_ count: Int) {
    let orders = (0..<6).map { Benchmark.order(count, $0) }
    #expect(orders.allSatisfy { $0.sorted() == Array(0..<count) })
    for place in 0..<count {
      for model in 0..<count { #expect(orders.filter { $0[place] == model }.count == 6 / count) }
    }
  }

  @Test("limits are measured first, on threads that stay where they are and are let go again")
  func report() throws {
    let backend = try CPUBackend(threads: 2)
    let directory = try ModelDirectory(Fixtures.model)
    let subject = Benchmark.Subject(name: "m", directory: directory, model: try directory.load(on: backend))
    let test = BenchmarkTest(prompt: 4, generate: 0, depth: 0)
    let options = Benchmark.Options(repetitions: 1, pinsThreads: true)
    let report = try Benchmark(options).report([subject], [test], on: backend)
    let limits = try #require(report.machine.limits)
    #expect(limits.memoryBandwidth > 1e6 && limits.memoryBandwidth.isFinite)
    #expect(limits.matrixProduct > 1e6 && limits.matrixProduct.isFinite)
    #expect(report.machine.processors?.count ?? 2 == 2)
    // Threads that are free can be bound again.
    #expect((backend.pinThreads() == nil) == (report.machine.processors == nil))
    backend.unpinThreads()
  }

  @Test("the machine is described by its processor, the backend and the time")
  func machine() throws {
    let backend = try BackendRegistry.make("cpu", threads: 3)
    let machine = BenchmarkReport.Machine(backend)
    #expect(machine.threads == 3)
    #expect(machine.backend.hasPrefix("cpu, ") && machine.backend.count > 5)
    #expect(!machine.processor.isEmpty && !machine.processor.contains("\n"))
    let written = try #require(ISO8601DateFormatter().date(from: machine.time), "\(machine.time)")
    #expect(abs(written.timeIntervalSinceNow) < 60)
    if let info = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
      let line = info.split(separator: "\n").first(where: { $0.hasPrefix("model name") })
    {
      #expect(line.hasSuffix(": " + machine.processor))
    }
  }
}
