import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("the pipeline")
struct PipelineTests {
  let pipeline: Pipeline

  init() throws { pipeline = Pipeline(backend: try BackendRegistry.make("cpu", threads: 2)) }

  @Test("verify compares on as many documents as asked for, of the length asked for")
  func verify() throws {
    let result = try pipeline.verify(
      source: Fixtures.model, converted: Fixtures.hybrid, text: Fixtures.text, documents: 3, length: 20)
    let text = try #require(result.text)
    #expect(text.documents == 3 && text.tokens == 60)
    #expect((0.01...0.5).contains(text.divergence))
    #expect(result.failures(largestDivergence: 0.5) == [])
  }

  @Test("verify without a text compares tensors, prefill and decode")
  func verifyWithoutText() throws {
    let result = try pipeline.verify(
      source: Fixtures.model, converted: Fixtures.hybrid, text: nil, documents: 3, length: 20)
    #expect(result.text == nil)
    #expect(result.agreement.count == 8)
    #expect(result.tensors.tensors.count == 74 + 60)
  }

  @Test("verify passes on what is wrong with models and texts")
  func verifyFailures() {
    let nowhere = Fixtures.path("nowhere")
    for (source, converted, text) in [
      (nowhere, Fixtures.hybrid, Fixtures.text), (Fixtures.model, nowhere, Fixtures.text),
      (Fixtures.model, Fixtures.hybrid, nowhere),
    ] {
      let failure = expectProblem(.unreadable) {
        try pipeline.verify(source: source, converted: converted, text: text, documents: 1, length: 8)
      }
      #expect(failure?.file == nowhere)
    }
  }

  @Test("bench times every model on every test, on this backend")
  func bench() throws {
    let tests = BenchmarkTest.all(prompt: 4, generate: 2, depths: [0, 3])
    let report = try pipeline.bench(
      [Fixtures.model, Fixtures.hybrid], tests: tests, options: Benchmark.Options(repetitions: 2))
    #expect(report.results.map(\.test) == tests.flatMap { [$0, $0] })
    #expect(report.results.allSatisfy { $0.samples.count == 2 })
    #expect(report.speedUps.map(\.test) == tests.map(\.name))
    #expect(report.speedUps.allSatisfy { $0.model == Fixtures.hybrid && $0.factor > 0 })
    #expect(report.machine.threads == 2)
    expectProblem(.unreadable) {
      try pipeline.bench([Fixtures.path("nowhere")], tests: tests, options: Benchmark.Options(repetitions: 1))
    }
  }

  @Test("progress is told of documents and tests")
  func progress() throws {
    let updates = Updates()
    let told = Pipeline(backend: pipeline.backend, progress: Progress { updates.add($0) })
    _ = try told.verify(
      source: Fixtures.model, converted: Fixtures.hybrid, text: Fixtures.text, documents: 2, length: 8)
    _ = try told.bench(
      [Fixtures.model], tests: [BenchmarkTest(prompt: 4, generate: 0, depth: 0)],
      options: Benchmark.Options(repetitions: 1))
    #expect(
      updates.all == [
        Progress.Update(task: "compare", done: 1, total: 2), Progress.Update(task: "compare", done: 2, total: 2),
        Progress.Update(task: "bench pp4", done: 1, total: 1),
      ])
  }
}
