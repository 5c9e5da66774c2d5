import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("linear recurrence")
struct LinearRecurrenceTests {
  typealias Decay = LinearRecurrenceShape.Decay
  typealias Update = LinearRecurrenceShape.Update

  @Test(
    "golden values of a decay for every channel, token by token and in chunks",
    arguments: ["random", "strong", "long"], Update.allCases)
  func goldenValues(_ name: String, _ update: Update) throws {
    let recurrence = GoldenRecurrence(
      try Golden("linear-mixers"), name, .perChannel, update, result: "\(name).\(update)")
    for chunkSize in [nil, 1, 16, 64] {
      recurrence.expect(chunkSize, on: ReferenceBackend(), within: 1e-11)
      for instructionSet in InstructionSet.available {
        recurrence.expect(chunkSize, on: try CPUBackend(threads: 2, instructionSet: instructionSet), within: 1e-5)
      }
    }
  }

  @Test("step by step equals prefill", arguments: Decay.allCases, Update.allCases)
  func stepsEqualPrefill(_ decay: Decay, _ update: Update) throws {
    for instructionSet in InstructionSet.available {
      let backend = try CPUBackend(threads: 2, instructionSet: instructionSet)
      let call = LinearRecurrenceShape(
        heads: 4, keyValueHeads: 2, keyDimension: 64, valueDimension: 64, scale: 0.125, decay: decay, update: update)
      let operands = RandomRecurrence(call, tokens: 200, on: backend, seed: 6)
      let whole = operands.run(call, pieces: [200])
      let steps = operands.run(call, pieces: [Int](repeating: 1, count: 200))
      let ragged = operands.run(call, pieces: [64, 1, 100, 35])
      #expect(relativeError(steps.out, whole.out) < 1e-4 && relativeError(steps.state, whole.state) < 1e-4)
      #expect(relativeError(ragged.out, whole.out) < 1e-4 && relativeError(ragged.state, whole.state) < 1e-4)
    }
  }

  @Test("one decay for a head is the same decay for all its channels", arguments: Update.allCases)
  func oneDecayForAll(_ update: Update) throws {
    for backend in [ReferenceBackend(), try CPUBackend(threads: 2)] as [any Backend] {
      func call(_ decay: Decay) -> LinearRecurrenceShape {
        LinearRecurrenceShape(
          heads: 3, keyValueHeads: 3, keyDimension: 20, valueDimension: 24, scale: 0.2, decay: decay, update: update)
      }
      let heads = RandomRecurrence(call(.perHead), tokens: 50, on: backend, seed: 11)
      var channels = heads
      channels.logDecay = backend.makeTensor(rows: 50, columns: 60)
      backend.write(
        backend.read(heads.logDecay).flatMap { [Double](repeating: $0, count: 20) }, to: channels.logDecay)
      let expected = heads.run(call(.perHead), pieces: [50])
      let found = channels.run(call(.perChannel), pieces: [50])
      #expect(relativeError(found.out, expected.out) < 1e-5 && relativeError(found.state, expected.state) < 1e-5)
    }
  }

  @Test("a decay to nothing forgets the state", arguments: Decay.allCases, Update.allCases)
  func totalDecay(_ decay: Decay, _ update: Update) throws {
    for backend in [ReferenceBackend(), try CPUBackend(threads: 1)] as [any Backend] {
      for chunkSize in [nil, 16] {
        let call = LinearRecurrenceShape(
          heads: 1, keyValueHeads: 1, keyDimension: 16, valueDimension: 16, scale: 1, decay: decay, update: update,
          chunkSize: chunkSize)
        let operands = RandomRecurrence(call, tokens: 20, on: backend, seed: 7)
        backend.fill(operands.logDecay.rows(10..<11), with: -.infinity)
        let whole = operands.run(call, pieces: [20])
        backend.fill(operands.state, with: 0)
        let fresh = operands.run(call, pieces: [20])
        #expect(whole.out[..<160] != fresh.out[..<160])
        #expect(relativeError(Array(whole.out[160...]), Array(fresh.out[160...])) < 1e-6)
        #expect(whole.state.allSatisfy { $0.isFinite })
      }
    }
  }
}
