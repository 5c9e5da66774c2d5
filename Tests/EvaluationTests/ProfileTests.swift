import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("profiles")
struct ProfileTests {
  private func results(_ path: String) throws -> [BenchmarkResult] {
    let directory = try ModelDirectory(path)
    let model = try directory.load(on: try CPUBackend(threads: 2))
    let subject = Benchmark.Subject(name: path, directory: directory, model: model)
    return try Benchmark(Benchmark.Options(repetitions: 2, profiles: true)).run(
      [subject], BenchmarkTest.all(prompt: 12, generate: 3, depths: [0, 7]))
  }

  @Test("every operation of a backend does the same with a clock around it")
  func operations() throws {
    #expect(try checkBackend(ProfilingBackend(CPUBackend(threads: 2))) == [])
  }

  @Test("the times of all parts and operations add up to the time that went by")
  func sum() throws {
    let model = try ModelDirectory(Fixtures.hybrid).load(on: try CPUBackend(threads: 2))
    let backend = ProfilingBackend(model.backend)
    let clocked = model.running(on: backend)
    let clock = ContinuousClock()
    let before = clock.now
    backend.start()
    let begin = clock.now
    let state = clocked.makeState(capacity: 24)
    try clocked.forward(Array(0..<20), state: state, rows: .last)
    for id in 0..<4 { try clocked.forward([id], state: state, rows: .last) }
    let end = clock.now
    let profile = backend.stop()
    let after = clock.now
    // Rounded down to nanoseconds at each of some hundred bookings.
    let rounding = Duration.nanoseconds(profile.entries.values.reduce(0) { $0 + $1.calls + 1 } * 3)
    let total = Duration.nanoseconds(profile.nanoseconds)
    #expect(total + rounding >= end - begin && total <= after - before)
    #expect(profile.nanoseconds == profile.entries.values.reduce(0) { $0 + $1.nanoseconds })
    #expect(profile.unaccounted > 0 && profile.unaccounted < 1)
  }

  @Test("logits are the same bits with the clock as without")
  func sameResult() throws {
    let model = try ModelDirectory(Fixtures.hybrid).load(on: try CPUBackend(threads: 2))
    let clocked = model.running(on: ProfilingBackend(model.backend))
    let ids = [1, 5, 9, 200, 3]
    let plain = try model.lastLogits(ids, state: model.makeState(capacity: 8))
    #expect(try clocked.lastLogits(ids, state: clocked.makeState(capacity: 8)) == plain)
  }

  @Test("every part of the model has the operations that it is made of", arguments: [Fixtures.model, Fixtures.hybrid])
  func parts(_ path: String) throws {
    let configuration = try ModelDirectory(path).configuration
    for result in try results(path) {
      let profile = try #require(result.profile)
      let calls = result.test.prompt > 0 ? 1 : result.test.tokens
      func count(_ part: ModelPart, _ operation: Profile.Operation) -> Int {
        profile.entries[Profile.Key(part: part, operation: operation)]?.calls ?? 0
      }
      for layer in 0..<configuration.layerCount {
        let isKept = configuration.keptLayers.contains(layer)
        #expect(count(.mixer(layer: layer), .attention) == (isKept ? calls : 0))
        #expect(count(.mixer(layer: layer), .recurrence) == (isKept ? 0 : calls))
        // Projections of one input are one operation, then the output; gate and up are one, then down.
        #expect(count(.mixer(layer: layer), .linear) == 2 * calls)
        #expect(count(.feedForward(layer: layer), .linear) == 2 * calls)
      }
      #expect(count(.head, .linear) == calls)
      #expect(count(.embedding, .memory) >= calls)
      #expect(profile.entries.values.allSatisfy { $0.nanoseconds >= 0 })
    }
  }

  @Test("in JSON the parts add up to the total, and the operations to their part")
  func json() throws {
    let results = try results(Fixtures.hybrid)
    let report = BenchmarkReport(
      results: results, machine: BenchmarkReport.Machine(processor: "p", threads: 2, backend: "b", time: "t"))
    let profiles = try #require(report.json["profile"]?.arrayValue).compactMap(\.objectValue)
    #expect(profiles.map { $0["test"] } == results.map { .string($0.test.name) })
    for profile in profiles {
      let parts = try #require(profile["parts"]?.arrayValue).compactMap(\.objectValue)
      #expect(parts.reduce(0) { $0 + ($1["ns"]?.integerValue ?? 0) } == profile["total_ns"]?.integerValue)
      for part in parts {
        let operations = try #require(part["operations"]?.arrayValue).compactMap(\.objectValue)
        #expect(operations.reduce(0) { $0 + ($1["ns"]?.integerValue ?? 0) } == part["ns"]?.integerValue)
      }
      #expect(parts.filter { $0["part"] == .string("mixer") }.compactMap { $0["layer"]?.integerValue } == Array(0..<8))
    }
    for text in ["| other ", "| total ", "100.0 %", "| embedding ", "| softmax-attention ", "| gated-deltanet "] {
      #expect(report.markdown.contains(text), "\(text)")
    }
  }
}
