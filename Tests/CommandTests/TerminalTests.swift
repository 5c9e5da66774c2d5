import TestSupport
import Testing

@Suite("terminals")
struct TerminalTests {
  @Test("there are no escape codes where there is no terminal", arguments: ["", "1"])
  func noColour(_ value: String) async throws {
    let program = Program(environment: ["NO_COLOR": value, "TERM": "xterm-256color"])
    let commands = [
      ["inspect", Fixtures.path("nowhere")], ["bench", Fixtures.model, "--prompt", "8", "--repetitions", "1"],
      ["inspect", Fixtures.model, "--tree"], ["convert", "--help"],
    ]
    for arguments in commands {
      let outcome = try await program.run(arguments)
      #expect(!outcome.text.contains("\u{1B}") && !outcome.error.contains("\u{1B}"), "\(arguments)")
    }
  }

  @Test("errors are red on a terminal, unless the user wants no colour", arguments: ["", "1"])
  func red(_ noColour: String) async throws {
    let program = Program(environment: ["NO_COLOR": noColour])
    let shown = try await program.runOnTerminal(["inspect", Fixtures.path("nowhere")])
    #expect(shown.hasPrefix(noColour.isEmpty ? "\u{1B}[31merror:\u{1B}[0m " : "error: "))
    #expect(shown.contains("nowhere"))
    #expect(shown.contains("\u{1B}") == noColour.isEmpty)
  }

  @Test("progress is a bar on a terminal that is gone at the end, and nothing with --quiet")
  func bar() async throws {
    let arguments = ["verify", Fixtures.model, Fixtures.model, "--text", Fixtures.text, "--documents", "2", "--length"]
    let shown = try await Program().runOnTerminal(arguments + ["16"])
    #expect(shown.contains("━━━━━━━━━━━━━━━─────────────── compare  1/2"))
    #expect(shown.hasSuffix("\r\u{1B}[K"))
    #expect(try await Program().runOnTerminal(arguments + ["16", "--quiet"]) == "")
  }
}
