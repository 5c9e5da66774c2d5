import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

/// Each test has a process of its own, as other tests' memory would be measured with it.
@Suite("decoding for long", .tags(.slow))
struct LongDecodingTests {
  @Test("50 conversations of 2,000 steps after one prompt take no more memory, and compute what a prefill does")
  func conversations() async {
    await #expect(processExitsWith: .success) {
      let model = try PicoModel(mixers: PicoModel.everyMixer(window: 64)).load(on: CPUBackend(threads: 1))
      var decoding = try LongDecoding(model, promptLength: 100, capacity: 2100)
      for conversation in 0..<2 { try decoding.converse(conversation, steps: 2000) }
      decoding.startMeasuring()
      for conversation in 2..<50 { try decoding.converse(conversation, steps: 2000) }
      decoding.expectNoGrowth()
    }
  }

  @Test("100,000 steps of one sequence take no more memory where no layer keeps all, and compute what a prefill does")
  func oneSequence() async {
    await #expect(processExitsWith: .success) {
      let mixers = Array(PicoModel.everyMixer(window: 64).dropFirst())
      let model = try PicoModel(mixers: mixers).load(on: CPUBackend(threads: 1))
      var decoding = try LongDecoding(model, promptLength: 100, capacity: 100_100)
      // Warm as well: the prefill that the end is compared with has blocks of the same size.
      try decoding.converse(0, steps: 3000)
      decoding.startMeasuring()
      try decoding.converse(1, steps: 100_000)
      decoding.expectNoGrowth()
    }
  }
}

/// Decodes on from forks of a prompt's state, and compares the last logits with a prefill of the same text.
private struct LongDecoding {
  private let model: Model
  private let prompt: [Int]
  private let prompted: DecodingState
  private let capacity: Int
  private var residentBytes: Int?

  init(_ model: Model, promptLength: Int, capacity: Int) throws {
    self.model = model
    self.capacity = capacity
    prompt = Self.tokens(promptLength, seed: 0)
    prompted = model.makeState(capacity: capacity)
    try model.forward(prompt, state: prompted, rows: .none)
  }

  private static func tokens(_ count: Int, seed: Int) -> [Int] {
    var generator = SeededGenerator(seed: UInt64(seed), stream: "tokens")
    return (0..<count).map { _ in generator.index(below: 40) }
  }

  func converse(_ number: Int, steps: Int) throws {
    let state = prompted.fork()
    let ids = Self.tokens(steps, seed: number + 1)
    var last: [Float] = []
    for id in ids {
      last = try model.lastLogits([id], state: state)
      #expect(last.allSatisfy { $0.isFinite }, "after \(state.position) tokens of conversation \(number)")
    }
    let whole = try model.lastLogits(prompt + ids, state: model.makeState(capacity: capacity))
    expectClose(last.map { Double($0) }, whole.map { Double($0) }, absolute: 1e-3, "conversation \(number)")
  }

  mutating func startMeasuring() {
    residentBytes = ProcessMemory.residentBytes
    #expect(residentBytes != nil)
  }

  func expectNoGrowth() {
    guard let before = residentBytes, let after = ProcessMemory.residentBytes else {
      Issue.record("the system does not tell how much memory there is")
      return
    }
    #expect(after - before <= 1 << 20, "grown by \(after - before) bytes")
  }
}
