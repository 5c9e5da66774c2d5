import HybridizeCompute
import HybridizeRuntime
import TestSupport
import Testing

@Suite("token mixers")
struct TokenMixerTests {
  @Test(
    "prefill, pieces, steps and forks agree", arguments: BackendRegistry.names,
    [(Fixtures.model, 0), (Fixtures.hybrid, 1)])
  func forms(_ backend: String, _ layer: (path: String, index: Int)) throws {
    let model = try ModelDirectory(layer.path).load(on: try BackendRegistry.make(backend, threads: 2))
    checkTokenMixer(model, layer: layer.index, tolerance: backend == "reference" ? 1e-11 : 1e-4)
  }
}
