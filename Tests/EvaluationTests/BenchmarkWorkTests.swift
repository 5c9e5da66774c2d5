import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("what a model has to read and compute")
struct BenchmarkWorkTests {
  /// Two layers of four heads of 6 on two, hidden size 16, feed-forward 24, vocabulary 40.
  private static let layer = 2 * (24 * 16 + 2 * 12 * 16 + 16 * 24 + 3 * 16 * 24)

  private func model(_ mixers: [any MixerSpecification]? = nil, tied: Bool = true) throws -> Model {
    try PicoModel(tied: tied, mixers: mixers).load(on: try BackendRegistry.make("cpu", threads: 1))
  }

  /// Bytes of caches and states after every step of a test, by taking the steps.
  private func bytes(_ model: Model, _ test: BenchmarkTest) throws -> [Int] {
    let state = model.makeState(capacity: test.depth + test.tokens)
    try model.forward(Array(repeating: 1, count: test.depth), state: state, rows: .none)
    return try [state.byteCount]
      + (0..<test.tokens).map { _ in
        try model.forward([1], state: state, rows: .none)
        return state.byteCount
      }
  }

  private func work(_ model: Model, _ test: BenchmarkTest) throws -> (work: BenchmarkWork, bytes: [Int]) {
    let bytes = try bytes(model, test)
    return (BenchmarkWork(test, model, cacheBytes: bytes[0], bytes[test.tokens]), bytes)
  }

  @Test("a decode step reads all weights, and the cache as it is after its own token", arguments: [0, 9])
  func decode(_ depth: Int) throws {
    for model in [try model(), try model([SoftmaxAttentionSpecification(), gatedDeltaNet()])] {
      let (work, bytes) = try work(model, BenchmarkTest(prompt: 0, generate: 5, depth: depth))
      #expect(work.weightBytes == model.weightBytes)
      #expect(abs(work.cacheBytesRead - bytes.dropFirst().map(Double.init).mean) < 1e-9)
      #expect(work.bytesPerToken == Double(work.weightBytes) + work.cacheBytesRead)
    }
  }

  @Test("an embedding that is no head is not read, one that is, is read once")
  func embedding() throws {
    #expect(try model(tied: true).weightBytes == model(tied: false).weightBytes)
    let model = try model()
    let layers = 2 * (Self.layer / 2 + 2 * 16)
    #expect(model.weightBytes == 4 * (layers + 40 * 16 + 16))
  }

  @Test("linear layers compute for every token, the head for each decoded one and the last of a prefill")
  func linear() throws {
    let model = try model()
    let head = 2 * 40 * 16
    let prefill = try work(model, BenchmarkTest(prompt: 7, generate: 0, depth: 3)).work
    #expect(prefill.linearOperations == 7 * 2 * Self.layer + head)
    let decode = try work(model, BenchmarkTest(prompt: 0, generate: 7, depth: 3)).work
    #expect(decode.linearOperations == 7 * (2 * Self.layer + head))
  }

  @Test("attention counts the keys that each token sees")
  func attention() throws {
    let test = BenchmarkTest(prompt: 5, generate: 0, depth: 11)
    let seen = (11..<16).reduce(0) { $0 + $1 + 1 }
    #expect(try work(try model(), test).work.mixingOperations == 2 * 4 * 4 * 6 * seen)
  }

  @Test("a recurrence costs the same at every depth")
  func recurrence() throws {
    let model = try model([gatedDeltaNet()])
    let operations = try [0, 100].map {
      try work(model, BenchmarkTest(prompt: 4, generate: 0, depth: $0)).work.mixingOperations
    }
    // Four heads of 6 x 6, and three convolutions of kernel 4.
    #expect(operations == Array(repeating: 4 * (7 * 4 * 36 + 2 * 4 * (24 + 12 + 12)), count: 2))
  }

  @Test("several sequences share the weights, and each reads its own cache")
  func sequences() throws {
    let model = try model()
    let one = BenchmarkWork(BenchmarkTest(prompt: 0, generate: 5, depth: 9), model, cacheBytes: 90, 140)
    let eight = BenchmarkWork(
      BenchmarkTest(prompt: 0, generate: 5, depth: 9, sequences: 8), model, cacheBytes: 90, 140)
    #expect(eight.tokens == 8 * one.tokens)
    #expect(eight.bytesPerToken == Double(model.weightBytes) / 8 + one.cacheBytesRead)
    #expect(eight.operationsPerToken == one.operationsPerToken)
    let names = BenchmarkTest.all(prompt: 4, generate: 5, depths: [0, 9], sequences: [1, 8]).map(\.name)
    #expect(
      names == [
        "pp4", "tg5", "pp4 x 8", "tg5 x 8", "pp4 @ d9", "tg5 @ d9", "pp4 x 8 @ d9", "tg5 x 8 @ d9",
      ])
  }

  private func gatedDeltaNet() -> GatedDeltaNetOptions {
    var options = GatedDeltaNetOptions(keyValueHeads: 2)
    (options.rotary, options.convolution) = (true, 4)
    return options
  }
}
