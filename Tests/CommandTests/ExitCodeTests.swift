import Foundation
import HybridizeCore
import TestSupport
import Testing

@Suite("exit codes and messages")
struct ExitCodeTests {
  let scratch = TemporaryDirectory()

  /// Every path below the scratch directory.
  private var tree: [String] {
    FileManager.default.enumerator(atPath: scratch.path)?.compactMap { $0 as? String } ?? []
  }

  @Test("what cannot work ends with its code, says what is wrong, and leaves nothing", arguments: BadInput.all)
  func badInput(_ bad: BadInput) async throws {
    let arguments = try bad.arguments(scratch)
    let before = tree
    let outcome = try await Program().run(arguments)
    #expect(outcome.status == bad.status, "\(outcome.error)")
    for mention in bad.mentions {
      #expect(outcome.error.lowercased().contains(mention.lowercased()), "\"\(mention)\" in: \(outcome.error)")
    }
    #expect(outcome.text == "", "standard output is for results")
    #expect(!outcome.error.contains("\u{1B}"), "no colour where there is no terminal")
    #expect(tree == before)
  }

  @Test("with --json the error is also one object on standard output", arguments: BadInput.all)
  func badInputAsJSON(_ bad: BadInput) async throws {
    let outcome = try await Program().run(try bad.arguments(scratch) + ["--json"])
    #expect(outcome.status == bad.status)
    let shape = JSONShape.object([
      "schema": .schema("hybridize.error/1"), "error": .object(["problem": .string, "message": .string]),
    ])
    #expect(shape.mismatches(.object(try outcome.json())) == [])
    let text = outcome.text.lowercased()
    for mention in bad.mentions {
      let escaped = JSONWriter.quoted(mention.lowercased()).dropFirst().dropLast()
      #expect(text.contains(escaped), "\"\(mention)\" in: \(text)")
    }
  }

  @Test("a check that fails ends with 1, and the report says which")
  func failedCheck() async throws {
    let arguments = [
      "verify", Fixtures.model, Fixtures.hybrid, "--text", Fixtures.text, "--documents", "1", "--length", "64",
      "--max-kl", "0.0001", "--quiet",
    ]
    let text = try await Program().run(arguments)
    #expect(text.status == 1)
    #expect(text.text.contains("FAILED: KL") && text.text.contains("0.0001"))
    #expect(!text.text.contains("passed"))
    let json = try await Program().run(arguments + ["--json"])
    #expect(json.status == 1)
    let object = try json.json()
    #expect(object["passed"] == .bool(false))
    #expect(object["failures"]?.arrayValue?.count == 1)
  }

  @Test(
    "a directory that cannot be written to is an output error", .enabled(if: geteuid() != 0, "root writes anywhere"))
  func readOnly() async throws {
    let locked = scratch.makeDirectory("locked")
    chmod(locked, 0o500)
    let outcome = try await Program().run("convert", Fixtures.model, locked + "/out", "--keep", "0")
    #expect(outcome.status == 4)
    #expect(outcome.error.contains("Permission denied"))
    #expect(scratch.entries("locked") == [])
  }

  @Test("a command that does not exist is wrong usage")
  func unknownCommand() async throws {
    let outcome = try await Program().run("frobnicate")
    #expect(outcome.status == 2)
    #expect(outcome.error.contains("frobnicate") && outcome.error.contains("hybridize --help"))
    #expect(outcome.output == [])
  }

  @Test("without a command the program shows its help")
  func noCommand() async throws {
    let outcome = try await Program().run([])
    #expect(outcome.status == 0)
    #expect(outcome.text.contains("USAGE: hybridize"))
    #expect(outcome.error == "")
  }
}
