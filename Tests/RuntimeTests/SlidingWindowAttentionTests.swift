import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("sliding-window attention")
struct SlidingWindowAttentionTests {
  private func model(window: Int, sinks: Int, on backend: any Backend) throws -> Model {
    var options = SlidingWindowAttentionOptions()
    (options.window, options.sinks) = (window, sinks)
    return try PicoModel(.qwen3, mixers: [options, SoftmaxAttentionSpecification()]).load(on: backend)
  }

  @Test("prefill, pieces, steps, forks and company agree", arguments: [(8, 2), (1, 0), (40, 60), (1000, 4)])
  func forms(_ window: Int, _ sinks: Int) throws {
    checkTokenMixer(try model(window: window, sinks: sinks, on: CPUBackend(threads: 2)), layer: 0, tolerance: 1e-4)
    checkTokenMixer(try model(window: window, sinks: sinks, on: ReferenceBackend()), layer: 0, tolerance: 1e-11)
  }

  @Test(
    "a cache that drops what nobody sees gives what one gives that keeps all",
    arguments: [(20, 3), (1, 0), (700, 1), (511, 600)])
  func longTexts(_ window: Int, _ sinks: Int) throws {
    let backend = try CPUBackend(threads: 2)
    let model = try model(window: window, sinks: sinks, on: backend)
    let windowed = try #require(model.blocks[0].mixer as? SoftmaxAttention)
    let full = try #require(model.blocks[1].mixer as? SoftmaxAttention)
    let length = 6000
    let workspace = Workspace(backend)
    // Of the whole context, as that mixer makes it: nothing is dropped.
    let keeping = full.makeState(capacity: length, memory: StateMemory(backend))
    let dropping = windowed.makeState(capacity: length, memory: StateMemory(backend))
    var forked = dropping
    var generator = SeededGenerator(seed: 3)
    var position = 0
    while position < length {
      // Single steps, prefill blocks, and more than the cache takes at a time.
      let count = min([1, 1, 1, 37, 512, 1300][generator.index(below: 6)], length - position)
      let x = backend.makeTensor(rows: count, columns: 16)
      backend.write((0..<count * 16).map { _ in generator.uniform(-1, 1) }, to: x)
      let outs = [keeping, forked].map { state in
        let out = backend.makeTensor(rows: count, columns: 16)
        workspace.scope {
          let sequences = [SequenceRows(rows: 0..<count, position: position)]
          let angles = model.configuration.rotary.angles(sequences, backend: backend, workspace: workspace)
          let context = MixingContext(
            backend: backend, workspace: workspace, sequences: sequences, angles: angles)
          windowed.mix(x, states: [state], context: context, into: out)
        }
        return backend.read(out)
      }
      expectClose(outs[1], outs[0], absolute: 1e-5, "\(count) tokens after \(position)")
      position += count
      if position > length / 2, forked === dropping {
        forked = dropping.fork(tokens: position, memory: StateMemory(backend))
      }
    }
    #expect(forked.dropped > 0 && forked.keys.capacity == AttentionWindow(size: window, sinks: sinks).mostTokensKept)
    #expect(keeping.dropped == 0)
  }

  @Test("memory stops growing, and the specification says when")
  func memory() throws {
    let model = try model(window: 100, sinks: 4, on: CPUBackend(threads: 1))
    let configuration = model.configuration
    let memory = configuration.mixers[0].memory(configuration)
    let session = model.blocks[0].mixer.session(capacity: 100_000, memory: StateMemory(model.backend))
    for tokens in [0, 10, 600, 50_000] {
      #expect(session.byteCount(tokens: tokens) == memory.elements(tokens: tokens) * 4)
    }
    #expect(memory.elements(tokens: 50_000) == memory.elements(tokens: 1000))
    #expect(memory.mostTokens == 4 + 99 + Model.prefillBlock)
  }

  @Test("a window as long as the text changes nothing")
  func wideWindow() throws {
    let plain = try PicoModel()
    var options = SlidingWindowAttentionOptions()
    options.window = 64
    let windowed = try PicoModel(mixers: [options, options])
    let ids = (0..<64).map { $0 * 7 % 40 }
    let logits = try [plain, windowed].map { pico in
      let model = try pico.load(on: ReferenceBackend())
      return try model.lastLogits(ids, state: model.makeState(capacity: 64))
    }
    #expect(logits[0] == logits[1])
  }

  @Test("the options survive config.json", arguments: [(1, 0), (4096, 128)])
  func json(_ window: Int, _ sinks: Int) throws {
    var options = SlidingWindowAttentionOptions()
    (options.window, options.sinks) = (window, sinks)
    #expect(try SlidingWindowAttentionOptions(json: options.json) == options)
    expectProblem(.wrongField) {
      try SlidingWindowAttentionOptions(json: ["mixer": .string("sliding-window-attention"), "window": .integer(0)])
    }
  }
}
