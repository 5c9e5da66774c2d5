import HybridizeCompute
import HybridizeRuntime
import TestSupport
import Testing

@Suite("models against other implementations")
struct GoldenModelTests {
  @Test(
    "logits of the fixture equal those of transformers, and its greedy continuations", .tags(.slow),
    arguments: BackendRegistry.names)
  func fixture(_ backend: String) throws {
    let model = try ModelDirectory(Fixtures.model).load(on: try BackendRegistry.make(backend, threads: 2))
    let golden = try Golden("fixture-logits")
    try checkLogits(model, golden, tolerance: 2e-4)
    for text in 0..<4 {
      let prompt = golden["\(text).ids"].integers
      let expected = golden["\(text).greedy"].integers
      var generator = Generator(model, sampler: .greedy, endTokens: [])
      #expect(try generator.generate(prompt, maximum: expected.count).tokens == expected, "text \(text)")
    }
  }

  @Test("hidden states of the fixture equal those of transformers", arguments: BackendRegistry.names)
  func hiddenStates(_ backend: String) throws {
    let model = try ModelDirectory(Fixtures.model).load(on: try BackendRegistry.make(backend, threads: 2))
    let golden = try Golden("fixture-logits")
    var states: [[Double]] = []
    try model.trace(golden["0.ids"].integers) { states.append(model.backend.read($0)) }
    // transformers gives the last layer's output after the final norm only.
    states.remove(at: states.count - 2)
    let expected = golden["0.hidden"]
    #expect(states.count == expected.shape[0])
    expectClose(states.flatMap { $0 }, expected.values, absolute: 2e-4, "hidden states")
  }

  @Test(
    "logits of a distilled hybrid equal a float64 forward pass", .tags(.slow), arguments: BackendRegistry.names)
  func hybrid(_ backend: String) throws {
    let model = try ModelDirectory(Fixtures.hybrid).load(on: try BackendRegistry.make(backend, threads: 2))
    try checkLogits(model, try Golden("fixture-hybrid-logits"), tolerance: 5e-4)
  }

  private func checkLogits(_ model: Model, _ golden: Golden, tolerance: Double) throws {
    for text in 0..<4 {
      let ids = golden["\(text).ids"].integers
      var found: [Double] = []
      try model.forward(ids, state: model.makeState(capacity: ids.count), rows: .all) {
        found += model.backend.read($0)
      }
      expectClose(found, golden["\(text).logits"].values, absolute: tolerance, "text \(text)")
    }
  }
}
