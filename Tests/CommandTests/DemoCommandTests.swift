import HybridizeCore
import TestSupport
import Testing

@Suite("demo on the command line")
struct DemoCommandTests {
  static let few = ["--align-tokens", "1024", "--match-tokens", "2048"]

  @Test("gives every stage's summary as JSON", .tags(.slow))
  func json() async throws {
    let outcome = try await Program().run(["demo", "--json", "--quiet"] + Self.few)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error == "")
    let student = JSONShape.object(["keep": .list(.integer), "kl": .number, "recall": .number, "perplexity": .number])
    let shape = JSONShape.object([
      "schema": .schema("hybridize.demo/2"), "inspect": JSONOutputTests.inspection,
      "select": .object(["keep": .list(.integer)]),
      "distill": .object(["align": .object(["stage": .string]), "guided": .object(["stage": .string])]),
      "verify": JSONOutputTests.verification(.number),
      "generate": .object(["teacher": .string, "guided": .string, "uniform": .string]),
      "quality": .object([
        "teacher": .object(["recall": .number, "perplexity": .number]), "guided": student, "uniform": student,
        "kl_ratio": .number,
      ]),
      "bench": JSONOutputTests.benchmark(speedup: JSONOutputTests.speedUps),
    ])
    #expect(shape.mismatches(.object(try outcome.json())) == [])
  }

  @Test("a text that is not there is an error before anything is trained")
  func missingText() async throws {
    let outcome = try await Program().run("demo", "--text", "nowhere.jsonl", "--quiet")
    #expect(outcome.status == 3)
    #expect(outcome.error.contains("nowhere.jsonl"))
  }
}
