import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("comparison on text")
struct TextComparisonTests {
  private func load(_ path: String, _ backend: any Backend) throws -> Model {
    try ModelDirectory(path).load(on: backend)
  }

  private func expectEqual(_ found: TextComparison, _ expected: PlainComparison, relative: Double) {
    #expect(found.tokens == expected.rows)
    #expect(found.topOneAgreement == expected.agreement)
    for (name, a, b) in [
      ("divergence", found.divergence, expected.meanDivergence),
      ("teacher perplexity", found.teacherPerplexity, expected.teacherPerplexity),
      ("student perplexity", found.studentPerplexity, expected.studentPerplexity),
      ("logit difference", found.largestLogitDifference, expected.largestDifference),
    ] {
      #expect(abs(a - b) <= relative * abs(b), "\(name): \(a) instead of \(b)")
    }
  }

  @Test("agrees with what other implementations' logits give in float64", arguments: BackendRegistry.names)
  func golden(_ name: String) throws {
    let backend = try BackendRegistry.make(name, threads: 2)
    let (teacher, student) = (try Golden("fixture-logits"), try Golden("fixture-hybrid-logits"))
    var expected = PlainComparison()
    var documents: [[Int]] = []
    for text in 0..<4 {
      let ids = teacher["\(text).ids"].values.map { Int($0) }
      #expect(student["\(text).ids"].values.map { Int($0) } == ids)
      expected.add(ids, teacher: teacher["\(text).logits"].values, student: student["\(text).logits"].values)
      documents.append(ids)
    }
    let found = try TextComparison.measure(
      teacher: load(Fixtures.model, backend), student: load(Fixtures.hybrid, backend), documents: documents)
    #expect(found.documents == 4)
    expectEqual(found, expected, relative: 1e-3)
  }

  @Test("documents of all lengths count every position, across the blocks of a prefill")
  func blocks() throws {
    let backend = try BackendRegistry.make("cpu", threads: 2)
    let (teacher, student) = (try load(Fixtures.model, backend), try load(Fixtures.hybrid, backend))
    var random = SeededGenerator(seed: 3, stream: "documents")
    let documents = [1, 2, Model.prefillBlock, Model.prefillBlock + 1, Model.prefillBlock + 70].map { length in
      (0..<length).map { _ in random.index(below: 4096) }
    }
    var expected = PlainComparison()
    for ids in documents {
      expected.add(ids, teacher: try teacher.allLogits(ids), student: try student.allLogits(ids))
    }
    let found = try TextComparison.measure(teacher: teacher, student: student, documents: documents)
    #expect(found.documents == documents.count)
    expectEqual(found, expected, relative: 1e-5)
  }

  @Test("a model is no way from itself")
  func itself() throws {
    let backend = try BackendRegistry.make("cpu", threads: 2)
    let model = try load(Fixtures.hybrid, backend)
    let found = try TextComparison.measure(teacher: model, student: model, documents: [[1, 2, 3], [400, 5]])
    #expect(found.divergence == 0)
    #expect(found.topOneAgreement == 1)
    #expect(found.largestLogitDifference == 0)
    #expect(found.teacherPerplexity == found.studentPerplexity)
  }
}
