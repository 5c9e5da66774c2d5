import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("gradient of the linear recurrence")
struct RecurrenceGradientTests {
  typealias Decay = LinearRecurrenceShape.Decay
  typealias Update = LinearRecurrenceShape.Update

  @Test("the reference equals finite differences", arguments: Decay.allCases, Update.allCases)
  func finiteDifferences(_ decay: Decay, _ update: Update) {
    let call = LinearRecurrenceShape(
      heads: 4, keyValueHeads: 2, keyDimension: 3, valueDimension: 2, scale: 0.6, decay: decay, update: update)
    let problem = RecurrenceProblem(call, lengths: [5, 0, 3], on: ReferenceBackend())
    expectGradient(
      of: problem.loss(at:), at: problem.point, analytic: problem.gradient(at: problem.point), "\(decay), \(update)")
  }

  @Test("without states, sequences begin with nothing and end in nothing", arguments: Decay.allCases, Update.allCases)
  func withoutStates(_ decay: Decay, _ update: Update) throws {
    let call = LinearRecurrenceShape(
      heads: 2, keyValueHeads: 1, keyDimension: 6, valueDimension: 5, scale: 0.6, decay: decay, update: update)
    for backend in [ReferenceBackend(), try CPUBackend(threads: 1)] as [any Backend] {
      let problem = RecurrenceProblem(call, lengths: [20, 1], on: backend)
      let point = problem.point.enumerated().map { problem.states.contains($0.offset) ? 0 : $0.element }
      let bare = problem.gradient(at: point, hasStates: false)
      let silent = RecurrenceProblem(call, lengths: [20, 1], on: backend, finalFactor: 0)
      #expect(bare == Array(silent.gradient(at: point)[..<problem.states.lowerBound]))
    }
  }

  @Test("golden values", arguments: ["a", "b", "c"], [nil, 1, 16, 32, 64] as [Int?])
  func goldenValues(_ name: String, _ chunkSize: Int?) throws {
    let recurrence = GoldenRecurrence(try Golden("gated-delta-rule"), name, .perHead, .delta)
    recurrence.expectGradient(chunkSize, on: ReferenceBackend(), within: 1e-11)
    for instructionSet in InstructionSet.available {
      recurrence.expectGradient(chunkSize, on: try CPUBackend(threads: 2, instructionSet: instructionSet), within: 1e-5)
    }
  }

  @Test("chunks of any size give what tokens give", arguments: InstructionSet.available)
  func chunksEqualTokens(_ instructionSet: InstructionSet) throws {
    let backend = try CPUBackend(threads: 2, instructionSet: instructionSet)
    var generator = SeededGenerator(seed: 21)
    for round in 0..<12 {
      let (keyDimension, valueDimension) = (1 + generator.index(below: 70), 1 + generator.index(below: 70))
      let lengths = (0..<1 + generator.index(below: 3)).map { _ in generator.index(below: 90) }
      let group = 1 + generator.index(below: 3)
      let keyValueHeads = 1 + generator.index(below: 2)
      func gradient(_ chunkSize: Int) -> [Double] {
        let call = LinearRecurrenceShape(
          heads: group * keyValueHeads, keyValueHeads: keyValueHeads, keyDimension: keyDimension,
          valueDimension: valueDimension, scale: 0.3, chunkSize: chunkSize)
        let problem = RecurrenceProblem(call, lengths: lengths, on: backend, seed: UInt64(round))
        return problem.gradient(at: problem.point)
      }
      let expected = gradient(1)
      for chunkSize in [8, 16, 32, 64, 1000] {
        expectClose(
          gradient(chunkSize), expected, absolute: 1e-6, relative: 1e-5,
          "round \(round): chunks of \(chunkSize) of \(lengths), [\(keyDimension), \(valueDimension)]")
      }
    }
  }

  @Test(
    "decays and strengths at the ends of their ranges",
    arguments: [
      (name: "no decay", decays: 0.0...0, betas: 0.0...1), ("decay to nothing", -50 ... -50, 0...1),
      ("decays of all sizes", -50...0, 0...1), ("nothing is written", -1...0, 0...0),
      ("all is overwritten", -1...0, 1...1), ("all is kept and overwritten", 0...0, 1...1),
    ])
  func extremes(_ name: String, _ decays: ClosedRange<Double>, _ betas: ClosedRange<Double>) throws {
    for instructionSet in InstructionSet.available {
      let backend = try CPUBackend(threads: 1, instructionSet: instructionSet)
      let comparison = BackendComparison(backend, against: ReferenceBackend(), seed: 22)
      for (decay, update) in LinearRecurrenceShape.kinds {
        for chunkSize in [nil, 8, 64] {
          let call = LinearRecurrenceShape(
            heads: 2, keyValueHeads: 1, keyDimension: 16, valueDimension: 20, scale: 0.25, decay: decay, update: update,
            chunkSize: chunkSize)
          comparison.compareLinearRecurrenceGradient(call, [70, 9], logDecays: decays, betas: betas)
        }
      }
      #expect(comparison.mismatches == [])
    }
  }

  @Test(
    "what lies before a decay to nothing has no part in what comes after", arguments: Decay.allCases, Update.allCases)
  func totalDecay(_ decay: Decay, _ update: Update) throws {
    for backend in [ReferenceBackend(), try CPUBackend(threads: 1)] as [any Backend] {
      for chunkSize in [nil, 16] {
        let call = LinearRecurrenceShape(
          heads: 1, keyValueHeads: 1, keyDimension: 8, valueDimension: 8, scale: 1, decay: decay, update: update,
          chunkSize: chunkSize)
        let problem = RecurrenceProblem(call, lengths: [20], on: backend)
        var point = problem.point
        for index in problem.logDecays(token: 10) { point[index] = -.infinity }
        for index in problem.results(token: 0).lowerBound..<problem.results(token: 9).upperBound {
          problem.factors[index] = 0
        }
        let gradient = problem.gradient(at: point)
        #expect(gradient.allSatisfy { $0.isFinite })
        #expect(problem.values(token: 9).allSatisfy { gradient[$0] == 0 })
        #expect(problem.states.allSatisfy { gradient[$0] == 0 })
        #expect(problem.values(token: 10).contains { gradient[$0] != 0 })
      }
    }
  }

  @Test("a thousand tokens equal the reference")
  func longSequence() throws {
    let comparison = BackendComparison(try CPUBackend(threads: 2), against: ReferenceBackend(), seed: 23)
    for chunkSize in [nil, 64] {
      comparison.compareLinearRecurrenceGradient(
        LinearRecurrenceShape(
          heads: 2, keyValueHeads: 1, keyDimension: 32, valueDimension: 32, scale: 0.2, chunkSize: chunkSize),
        [1000], logDecays: -0.1...0)
    }
    #expect(comparison.mismatches == [])
  }
}
