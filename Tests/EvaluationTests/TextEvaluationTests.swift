import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime
import TestSupport
import Testing

@Suite("what a training reports")
struct TextEvaluationTests {
  @Test("is the comparison on text and the student's recall")
  func measure() throws {
    let backend = try BackendRegistry.make("cpu", threads: 2)
    let teacher = try ModelDirectory(Fixtures.model).load(on: backend)
    let student = try ModelDirectory(Fixtures.hybrid).load(on: backend)
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    let words = try RecallTask.readWords(Fixtures.path("text/words.json"))
    let documents = try TextDocuments.read(Fixtures.text, tokenizer: tokenizer, length: 64, limit: 3)
    let tasks = try [4, 180].map {
      try RecallTask(pairs: $0, prompts: 2, words: words, seed: 1, tokenizer: tokenizer)
    }
    let found = try TextEvaluation.measure(teacher: teacher, student: student, documents: documents, recall: tasks)
    #expect(found.comparison == (try TextComparison.measure(teacher: teacher, student: student, documents: documents)))
    #expect(found.recall == (try tasks.map { try $0.measure(student) }))
    #expect(found.recall.map(\.pairs) == [4, 180])
  }

  @Test("is one JSON object and one line")
  func report() {
    let comparison = TextComparison(
      documents: 96, tokens: 24_576, divergence: 0.12812, topOneAgreement: 0.8123, teacherPerplexity: 9.42,
      studentPerplexity: 10.5, largestLogitDifference: 3.25)
    let evaluation = TextEvaluation(
      comparison: comparison,
      recall: [RecallResult(pairs: 8, calls: 64, hits: 64), RecallResult(pairs: 32, calls: 512, hits: 508)])
    #expect(
      JSONWriter.compact(.object(evaluation.json))
        == #"{"kl":0.12812,"top1":0.8123,"ppl":10.5,"ppl_source":9.42,"max_logit_difference":3.25,"#
        + #""documents":96,"tokens":24576,"recall":[{"pairs":8,"calls":64,"hits":64,"recall":1.0},"#
        + #"{"pairs":32,"calls":512,"hits":508,"recall":0.9921875}]}"#)
    #expect(
      evaluation.text
        == "KL 0.1281; perplexity 10.50, teacher 9.4200; top-1 81.23 %; recall of 8 1.000; recall of 32 0.992")
    #expect(TextEvaluation(comparison: comparison, recall: []).text.hasSuffix("top-1 81.23 %"))
  }
}
