import HybridizeCore
import TestSupport
import Testing

@Suite("fields that are ignored on the command line")
struct IgnoreFieldTests {
  let scratch = TemporaryDirectory()

  private func model() throws -> ModelCopy {
    let model = ModelCopy(in: scratch)
    try model.configure {
      $0["tone"] = .string("warm")
      $0["colour"] = .integer(3)
    }
    return model
  }

  @Test("every command that opens a model takes them")
  func commands() async throws {
    let path = try model().path
    let hybrid = scratch.path("hybrid")
    for arguments in [
      ["inspect", path], ["logits", path, "--ids", "1,2", "--out", scratch.path("logits")],
      ["generate", path, "--prompt", "One", "-n", "1"], ["bench", path, "--prompt", "2", "--generate", "1"],
      ["eval", path, "--recall", "2", "--prompts", "1"], ["convert", path, hybrid, "--keep", "0"],
      ["verify", path, path], ["select", path, "--keep", "2", "--method", "uniform"],
    ] {
      let refused = try await Program().run(arguments + ["--quiet"])
      #expect(refused.status == 3 && refused.error.contains("pass --ignore-field tone"), "\(arguments)")
      let half = try await Program().run(arguments + ["--quiet", "--ignore-field", "tone"])
      #expect(half.status == 3 && half.error.contains("pass --ignore-field colour"), "\(arguments)")
      let taken = try await Program().run(
        arguments + ["--quiet", "--ignore-field", "tone", "--ignore-field", "colour"])
      #expect(taken.status == 0, "\(arguments): \(taken.error)")
    }
    // The hybrid has the record.
    let inspected = try await Program().run("inspect", hybrid)
    #expect(inspected.status == 0, "\(inspected.error)")
  }
}
