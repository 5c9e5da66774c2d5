import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("gates between attention and linear attention")
struct GatedMixtureTests {
  /// A teacher of three layers and a student with other weights, all linear.
  private struct Pair {
    let teacher: Model
    let student: Model

    init(on backend: any Backend, teacherMixers: [any MixerSpecification]? = nil) throws {
      var delta = GatedDeltaNetOptions(keyValueHeads: 2)
      (delta.rotary, delta.convolution) = (true, 4)
      let kimi = KimiDeltaAttentionOptions(keyValueHeads: 2, decayRank: 5, gateRank: 7)
      teacher = try PicoModel(layers: 3, mixers: teacherMixers).load(on: backend)
      student = try PicoModel(mixers: [delta, kimi, delta], seed: 2).load(on: backend)
    }
  }

  /// Two prompts, judged in a few places.
  private static let prompts: [JudgedSequence] = {
    var generator = SeededGenerator(seed: 4)
    func ids(_ count: Int) -> [Int] { (0..<count).map { _ in generator.index(below: 40) } }
    return [
      JudgedSequence(prompt: AnswerPrompt(ids: ids(13), answers: [5..<7, 12..<13])),
      JudgedSequence(prompt: AnswerPrompt(ids: ids(21), answers: [18..<20])),
    ]
  }()

  @Test(
    "the slopes of gates are those of finite differences",
    arguments: [[0.9, 0.4, 0.7], [0, 1, 0.5], [1, 1, 1], [0, 0, 0]])
  func finiteDifferences(_ gates: [Double]) throws {
    let pair = try Pair(on: ReferenceBackend())
    let mixture = GatedMixture(teacher: pair.teacher, student: pair.student, layers: [0, 1, 2])
    let batch = try mixture.prepare(Self.prompts)
    let found = mixture.gradient(gates, batch)
    #expect(abs(found.error - mixture.error(gates, batch)) <= 1e-14)
    if gates == [1, 1, 1] {
      #expect(found.error < 1e-25 && found.gradient.allSatisfy { abs($0) < 1e-12 })
    } else {
      #expect(found.error > 1e-3 && found.gradient.allSatisfy { abs($0) > 1e-6 })
      expectGradient(
        of: { mixture.error($0, batch) }, at: gates, analytic: found.gradient, "gates \(gates)")
    }
  }

  @Test("also where some layers have no gate")
  func someLayers() throws {
    let windowed = SlidingWindowAttentionOptions()
    let full = SoftmaxAttentionSpecification()
    let pair = try Pair(on: ReferenceBackend(), teacherMixers: [windowed, full, windowed])
    let mixture = GatedMixture(teacher: pair.teacher, student: pair.student, layers: [1])
    let batch = try mixture.prepare(Self.prompts)
    expectGradient(
      of: { mixture.error($0, batch) }, at: [0.3], analytic: mixture.gradient([0.3], batch).gradient, "one gate")
  }

  @Test("the CPU has the same slopes in single precision")
  func cpu() throws {
    func found(_ backend: any Backend) throws -> (error: Double, gradient: [Double]) {
      let pair = try Pair(on: backend)
      let mixture = GatedMixture(teacher: pair.teacher, student: pair.student, layers: [0, 1, 2])
      return mixture.gradient([0.9, 0.4, 0.7], try mixture.prepare(Self.prompts))
    }
    let (exact, single) = (try found(ReferenceBackend()), try found(CPUBackend(threads: 2)))
    #expect(abs(exact.error - single.error) <= 1e-4 * exact.error)
    expectClose(single.gradient, exact.gradient, relative: 2e-4)
  }

  @Test("prompts together are what they are one by one")
  func batches() throws {
    let pair = try Pair(on: ReferenceBackend())
    let mixture = GatedMixture(teacher: pair.teacher, student: pair.student, layers: [0, 1, 2])
    let once = mixture.gradient([0.5, 0.5, 0.5], try mixture.prepare(Self.prompts))
    let twice = mixture.gradient([0.5, 0.5, 0.5], try mixture.prepare(Self.prompts + Self.prompts))
    expectClose([twice.error] + twice.gradient, [once.error] + once.gradient, relative: 1e-12)
  }

  @Test("tokens that the model does not have are refused")
  func unknownToken() throws {
    let pair = try Pair(on: ReferenceBackend())
    let mixture = GatedMixture(teacher: pair.teacher, student: pair.student, layers: [0])
    expectProblem(.tokenOutOfRange) { try mixture.prepare([JudgedSequence(text: [1, 40])]) }
  }
}
