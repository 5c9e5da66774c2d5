import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeRuntime
import TestSupport
import Testing

@Suite("objectives of the three stages")
struct ObjectiveTests {
  /// A teacher of two layers and a student, one of whose layers is converted, with other weights everywhere.
  private struct Pair {
    let teacher: Model
    let student: ModelDirectory
    let backend: any Backend

    init(on backend: any Backend, tied: Bool = true) throws {
      var delta = GatedDeltaNetOptions(keyValueHeads: 2)
      (delta.rotary, delta.convolution) = (true, 4)
      self.backend = backend
      teacher = try PicoModel(tied: tied).load(on: backend)
      student = try PicoModel(tied: tied, mixers: [delta, SoftmaxAttentionSpecification()], seed: 2).open(
        in: TemporaryDirectory())
    }

    func objective(_ stage: String, _ change: (inout StageOptions) -> Void = { _ in }) throws -> any TrainingObjective {
      var options = StageOptions()
      change(&options)
      switch stage {
      case "align":
        let model = try TrainableModel(student, training: .mixers(layers: [0]), on: backend)
        return AlignmentObjective(teacher: teacher, student: model, layers: [0], options: options)
      case "match":
        let model = try TrainableModel(student, training: .everything, on: backend)
        return try MatchObjective(teacher: teacher, student: model, options: options)
      default:
        return FinetuneObjective(
          student: try TrainableModel(student, training: .everything, on: backend), options: options)
      }
    }
  }

  /// Two sequences of random tokens; in the first a document begins.
  static let batch: TokenBatch = {
    var generator = SeededGenerator(seed: 4)
    func ids(_ count: Int) -> [Int] { (0..<count).map { _ in generator.index(below: 40) } }
    return TokenBatch([
      TokenSequence(ids: ids(13), documentStarts: [0, 5]), TokenSequence(ids: ids(21), documentStarts: [0]),
    ])
  }()

  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let stage: String
    var tied = true
    var change: @Sendable (inout StageOptions) -> Void = { _ in }

    static let all = [
      Case(testDescription: "align", stage: "align"),
      Case(testDescription: "align, squared", stage: "align") { $0.squaredDistance = true },
      Case(testDescription: "match", stage: "match"),
      Case(testDescription: "match with a head of its own", stage: "match", tied: false),
      Case(testDescription: "match at a temperature", stage: "match") { $0.temperature = 2 },
      Case(testDescription: "match the top tokens", stage: "match") { $0.topTokens = 5 },
      Case(testDescription: "match, activations computed again", stage: "match") { $0.recomputesActivations = true },
      Case(testDescription: "match, documents by themselves", stage: "match") { $0.isolatesDocuments = true },
      Case(testDescription: "finetune", stage: "finetune"),
      Case(testDescription: "finetune, documents by themselves", stage: "finetune") { $0.isolatesDocuments = true },
    ]
  }

  @Test("gradients of a whole model are those of finite differences", arguments: Case.all)
  func finiteDifferences(_ test: Case) throws {
    let objective = try Pair(on: ReferenceBackend(), tied: test.tied).objective(test.stage, test.change)
    let backend = objective.backend
    let loss = try objective.accumulate(Self.batch, scale: 0.25)
    #expect(abs(loss.sum - (try objective.loss(Self.batch)).sum) <= 1e-12 * loss.sum)
    #expect(loss.count == (test.stage == "finetune" ? (test.testDescription == "finetune" ? 32 : 31) : 34))
    for parameter in objective.parameters {
      let gradient = backend.read(parameter.gradient)
      let length = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(length > 0, "no gradient of \(parameter.name)")
      let start = backend.read(parameter.values)
      let step = 1e-5
      func sum(_ factor: Double) throws -> Double {
        backend.write(zip(start, gradient).map { $0 + factor * step * $1 / length }, to: parameter.values)
        return 0.25 * (try objective.loss(Self.batch)).sum
      }
      let slope = (try sum(1) - sum(-1)) / (2 * step)
      backend.write(start, to: parameter.values)
      #expect(abs(slope - length) <= 1e-6 * length + 1e-9, "\(parameter.name): slope \(slope), gradient \(length)")
    }
  }

  @Test("the CPU has the same gradients in single precision", arguments: Case.all)
  func cpu(_ test: Case) throws {
    let exact = try Pair(on: ReferenceBackend(), tied: test.tied).objective(test.stage, test.change)
    let single = try Pair(on: CPUBackend(threads: 2), tied: test.tied).objective(test.stage, test.change)
    let losses = (try exact.accumulate(Self.batch, scale: 0.25), try single.accumulate(Self.batch, scale: 0.25))
    #expect(abs(losses.0.sum - losses.1.sum) <= 1e-5 * losses.0.sum)
    for (expected, found) in zip(exact.parameters, single.parameters) {
      #expect(expected.name == found.name && expected.group == found.group)
      expectClose(
        single.backend.read(found.gradient), exact.backend.read(expected.gradient), relative: 2e-4, found.name)
    }
  }

  @Test("gradients add up over batches")
  func accumulation() throws {
    let objective = try Pair(on: ReferenceBackend()).objective("match")
    let parameter = objective.parameters[3]
    _ = try objective.accumulate(Self.batch, scale: 1)
    let once = objective.backend.read(parameter.gradient)
    for sequence in Self.batch.sequences { _ = try objective.accumulate(TokenBatch([sequence]), scale: 1) }
    expectClose(objective.backend.read(parameter.gradient), once.map { 2 * $0 }, relative: 1e-12)
  }

  @Test("layers are aligned one by one as all at once")
  func layersAreIndependent() throws {
    let backend = ReferenceBackend()
    let teacher = try PicoModel().load(on: backend)
    let delta = GatedDeltaNetOptions(keyValueHeads: 2)
    let student = try PicoModel(mixers: [delta, delta], seed: 2).open(in: TemporaryDirectory())
    func gradients(_ layers: [Int]) throws -> [String: [Double]] {
      let model = try TrainableModel(student, training: .mixers(layers: layers), on: backend)
      let objective = AlignmentObjective(teacher: teacher, student: model, layers: layers, options: StageOptions())
      _ = try objective.accumulate(Self.batch, scale: 1)
      return Dictionary(uniqueKeysWithValues: objective.parameters.map { ($0.name, backend.read($0.gradient)) })
    }
    let together = try gradients([0, 1])
    let apart = try gradients([0]).merging(gradients([1])) { first, _ in first }
    #expect(together.keys == apart.keys)
    for (name, gradient) in together { expectClose(apart[name] ?? [], gradient, relative: 1e-12, name) }
  }

  @Test("a student that is its teacher has no loss and no gradient")
  func perfectStudent() throws {
    let backend = try CPUBackend(threads: 2)
    let directory = try PicoModel().open(in: TemporaryDirectory())
    let model = try TrainableModel(directory, training: .everything, on: backend)
    let objective = try MatchObjective(teacher: directory.load(on: backend), student: model, options: StageOptions())
    #expect(try objective.accumulate(Self.batch, scale: 1).sum == 0)
    for parameter in objective.parameters {
      #expect(backend.read(parameter.gradient).allSatisfy { $0 == 0 }, "\(parameter.name)")
    }
  }
}
