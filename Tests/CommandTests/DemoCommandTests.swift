import HybridizeCore
import TestSupport
import Testing

@Suite("demo on the command line")
struct DemoCommandTests {
  @Test("shows every stage on one page", .tags(.slow))
  func page() async throws {
    let outcome = try await Program().run("demo", "--threads", "1")
    #expect(outcome.status == 0, "\(outcome.error)")
    var rest = outcome.text[...]
    for heading in [
      "1. inspect fixtures/recall-llama-6m\n", "2. convert --keep 0,6\n", "3. verify", "4. generate", "5. bench",
    ] {
      let place = try #require(rest.range(of: heading), "\(heading) in order in: \(outcome.text)")
      rest = rest[place.upperBound...]
    }
    #expect(!outcome.text.contains("FAILED"))
  }

  @Test("gives every stage's summary as JSON", .tags(.slow))
  func json() async throws {
    let outcome = try await Program().run("demo", "--json", "--quiet", "--threads", "1")
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    let answers = JSONShape.object(["original": .string, "just converted": .string, "distilled": .string])
    let shape = JSONShape.object([
      "schema": .schema("hybridize.demo/1"), "inspect": JSONOutputTests.inspection,
      "convert": JSONOutputTests.conversion(written: JSONOutputTests.writtenFiles),
      "verify": .dictionary(JSONOutputTests.verification(.number)), "generate": answers,
      "bench": JSONOutputTests.benchmark(speedup: JSONOutputTests.speedUps),
    ])
    #expect(shape.mismatches(.object(try outcome.json())) == [])
  }
}
