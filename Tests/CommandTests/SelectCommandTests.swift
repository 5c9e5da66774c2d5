import Foundation
import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("select on the command line")
struct SelectCommandTests {
  let scratch = TemporaryDirectory()

  private var small: [String] {
    [
      "--text", Fixtures.text, "--sequences", "2", "--length", "48", "--prompts", "2", "--pairs", "6", "--resamples",
      "20",
      "--words", Fixtures.path("text/words.json"),
    ]
  }

  @Test("convert keeps what select chooses, and its manifest says how, but for the time it took")
  func convert() async throws {
    let selected = try await Program().run(["select", Fixtures.model, "--ratio", "0.25", "--json", "--quiet"] + small)
      .json()
    let out = scratch.path("hybrid")
    let converted = try await Program().run(
      ["convert", Fixtures.model, out, "--ratio", "0.25", "--select", "kl-recall", "--json", "--quiet"] + small
    ).json()
    #expect(selected["keep"] == converted["kept"])
    let manifest = try JSONCursor.parse(FileSystem.read(out + "/hybridize.json", limit: 1 << 24)).objectValue
    let record = manifest?["recipe"]?.objectValue?["selection"]?.objectValue
    #expect(record?["method"] == .string("kl-recall") && record?["keep"] == converted["kept"])
    #expect(record?["cost"] == nil)
    let scores = selected["results"]?.objectValue?["selections"]?.arrayValue?.first?.objectValue?["scores"]
    #expect(record?["scores"] == scores)
  }

  @Test("says how much it will take without measuring anything")
  func dryRun() async throws {
    let report = try await Program().run(
      [
        "select", Fixtures.model, "--keep", "2", "--method", "ga-s2", "--tokens", "5000", "--dry-run", "--json",
        "--quiet",
      ]
        + small
    ).json()
    let expected = report["expected"]?.objectValue
    #expect(expected?["trained_tokens"]?.integerValue == 8 * 4992)
    #expect((expected?["seconds"]?.doubleValue ?? 0) > 0)
  }

  @Test("the page shows every method, and all of it is there")
  func page() async throws {
    let path = scratch.path("selection.html")
    let outcome = try await Program().run(
      ["select", Fixtures.model, "--keep", "2", "--method", "kl-recall,ga-s1,uniform", "--html", path, "--quiet"]
        + small)
    #expect(outcome.status == 0, "\(outcome.error)")
    let page = String(decoding: try FileSystem.read(path, limit: 1 << 24), as: UTF8.self)
    for text in ["kl-recall: score by layer", "ga-s1: score by layer", "Layers that methods share", "layers kept"] {
      #expect(page.contains(text), "\(text)")
    }
    #expect(page.hasSuffix("</html>\n") && !page.contains("nan"))
    #expect(page.components(separatedBy: "<svg").count == 6)
  }

  @Test("a page that cannot be written is refused before anything is measured")
  func unwritable() async throws {
    let outcome = try await Program().run(
      ["select", Fixtures.model, "--keep", "2", "--html", "/nowhere/page.html", "--quiet"] + small)
    #expect(outcome.status == 4)
  }
}
