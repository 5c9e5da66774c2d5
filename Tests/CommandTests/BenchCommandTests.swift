import HybridizeCore
import TestSupport
import Testing

@Suite("bench")
struct BenchCommandTests {
  private let short = ["--prompt", "8", "--generate", "2", "--repetitions", "1", "--quiet"]

  @Test("writes a page and a plot beside its table")
  func pages() async throws {
    let scratch = TemporaryDirectory()
    let outcome = try await Program().run(
      ["bench", Fixtures.model, "--html", scratch.path("page.html"), "--plot", scratch.path("plot.svg"), "--profile"]
        + short)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.text.contains(" pp8 |") && outcome.text.contains("Profile of "))
    #expect(scratch.entries().sorted() == ["page.html", "plot.svg"])
    #expect(String(decoding: scratch.bytes("page.html"), as: UTF8.self).hasSuffix("</html>\n"))
    #expect(String(decoding: scratch.bytes("plot.svg"), as: UTF8.self).hasSuffix("</svg>\n"))
  }

  @Test("a page that cannot be written ends it before anything is timed")
  func unwritable() async throws {
    let scratch = TemporaryDirectory()
    let outcome = try await Program().run(["bench", "nowhere", "--html", scratch.path("no/page.html")] + short)
    #expect(outcome.status == 4 && outcome.text == "")
  }

  @Test("threads are bound unless they shall not be", arguments: [[], ["--no-pin"]])
  func pinning(_ options: [String]) async throws {
    let json = try await Program().run(["bench", Fixtures.model, "--threads", "1", "--json"] + options + short).json()
    #if os(Linux)
      #expect((json["processors"]?.arrayValue?.count == 1) == options.isEmpty)
    #else
      #expect(json["processors"] == .null)
    #endif
  }
}
