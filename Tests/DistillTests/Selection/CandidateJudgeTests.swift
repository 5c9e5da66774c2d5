import Foundation
import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeRuntime
import TestSupport
import Testing

@Suite("candidates put together in memory")
struct CandidateJudgeTests {
  let scratch = TemporaryDirectory()

  struct Models {
    let teacher: Model
    let linear: Model
    let hybrid: Model
  }

  static let kept = [1, 4]
  static let ids = (0..<40).map { ($0 * 37 + 11) % 4096 }

  private func models(_ backend: any Backend) throws -> Models {
    func converted(_ keep: [Int], _ name: String) throws -> Model {
      let path = scratch.path(name)
      _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers(keep))).write(to: path)
      return try ModelDirectory(path).load(on: backend)
    }
    return Models(
      teacher: try ModelDirectory(Fixtures.model).load(on: backend), linear: try converted([], "linear"),
      hybrid: try converted(Self.kept, "hybrid"))
  }

  private func logProbabilities(_ model: Model, _ ids: [Int]) throws -> [[Double]] {
    var rows: [[Double]] = []
    try model.forward(ids, state: model.makeState(capacity: ids.count), rows: .all) { logits in
      let values = model.backend.read(logits)
      for row in 0..<logits.rows {
        let row = values[row * logits.columns..<(row + 1) * logits.columns]
        let largest = row.max()!
        let normaliser = largest + log(row.reduce(0) { $0 + exp($1 - largest) })
        rows.append(row.map { $0 - normaliser })
      }
    }
    return rows
  }

  @Test("a candidate is what conversion makes of the same layers, to the sums over its rows")
  func composition() throws {
    let models = try models(ReferenceBackend())
    let judge = CandidateJudge(teacher: models.teacher, student: models.linear)
    let all = Composition(.softmax, layers: 8)
    let candidate = Composition(.linear, layers: 8).with(.softmax, at: Self.kept)
    #expect(candidate.name == "LSLLSLLL" && candidate.kept == Self.kept)
    let sequences = [JudgedSequence(text: Array(Self.ids.prefix(25))), JudgedSequence(text: Array(Self.ids.suffix(9)))]
    let found = try judge.judge([candidate, all], near: all, on: sequences, countsHits: true)
    #expect(judge.tokens == 3 * 34)

    for (sequence, sums) in zip(sequences, found[0]) {
      let expected = try logProbabilities(models.teacher, sequence.ids)
      let given = try logProbabilities(models.hybrid, sequence.ids)
      var plain = JudgedSums()
      for row in 0..<sequence.ids.count - 1 {
        let target = sequence.ids[row + 1]
        plain.divergence += zip(expected[row], given[row]).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        plain.loss -= given[row][target]
        plain.hits += given[row].firstIndex(of: given[row].max()!) == target ? 1 : 0
      }
      #expect(abs(sums.divergence - plain.divergence) < 1e-9 * abs(plain.divergence))
      #expect(abs(sums.loss - plain.loss) < 1e-9 * plain.loss)
      #expect(sums.hits == plain.hits && sums.rows == sequence.ids.count - 1 && sums.trials == sums.rows)
      #expect(sums.error > 0)
    }
    for sums in found[1] { #expect(sums.divergence == 0 && sums.error == 0) }
  }

  @Test("the same whatever base candidates are near to, and for a model of its own")
  func bases() throws {
    let models = try models(CPUBackend(threads: 2))
    let judge = CandidateJudge(teacher: models.teacher, student: models.linear)
    let candidate = Composition(.linear, layers: 8).with(.softmax, at: Self.kept)
    let sequences = [JudgedSequence(text: Self.ids)]
    var results: [JudgedSums] = []
    for base in [candidate, candidate.with(.none, at: 7), Composition(.softmax, layers: 8)] {
      results.append(try judge.judge([candidate], near: base, on: sequences, countsHits: true)[0][0])
    }
    #expect(results.allSatisfy { $0 == results[0] })
    let own = try judge.judge(models.hybrid, on: sequences, countsHits: true)[0]
    #expect(abs(own.divergence - results[0].divergence) < 1e-5 * results[0].divergence)
    #expect(own.hits == results[0].hits)
  }

  @Test("with nothing in a layer's place, its attention adds nothing")
  func ablation() throws {
    let planted = try ModelDirectory(SelectionFixture.modelMixing(in: 3, scratch)).load(on: CPUBackend(threads: 2))
    let judge = CandidateJudge(teacher: planted, student: planted)
    let all = Composition(.softmax, layers: 8)
    let found = try judge.judge(
      (0..<8).map { all.with(.none, at: $0) }, near: all, on: [JudgedSequence(text: Self.ids)], countsHits: false)
    for (layer, sums) in found.enumerated() {
      #expect((sums[0].divergence > 1e-3) == (layer == 3), "layer \(layer)")
      #expect(sums[0].hits == 0)
    }
  }

  @Test("tokens beyond the vocabulary are an error")
  func badToken() throws {
    let teacher = try ModelDirectory(Fixtures.model).load(on: CPUBackend(threads: 1))
    let judge = CandidateJudge(teacher: teacher, student: teacher)
    let all = Composition(.softmax, layers: 8)
    expectProblem(.tokenOutOfRange) {
      try judge.judge([all], near: all, on: [JudgedSequence(text: [1, 4096])], countsHits: false)
    }
  }
}
