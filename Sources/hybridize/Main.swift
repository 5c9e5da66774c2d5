import ArgumentParser
import HybridizeCore

/// The command line. Commands parse, call the library and print; they decide nothing.
@main
struct Hybridize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hybridize",
    abstract: "Convert a Transformer checkpoint into a hybrid with linear attention, and prove what it does.",
    discussion: """
      MODEL is a directory with config.json and safetensors weights, a weights file in one, or a Hugging Face cache \
      snapshot.

      Exit codes: 0 done, 1 a check failed, 2 wrong usage or argument, 3 bad input file, 4 cannot write.
      """,
    version: HybridizeVersion.current,
    subcommands: [
      InspectCommand.self, DiffCommand.self, MetadataCommand.self, SelectCommand.self, ConvertCommand.self,
      VerifyCommand.self,
      DistillCommand.self, MergeCommand.self, EvalCommand.self, BenchCommand.self,
      GenerateCommand.self,
      TokenizeCommand.self, LogitsCommand.self, DemoCommand.self,
    ])

  static func main() {
    Terminal.ignoreFileSizeSignal()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      leave(with: error)
    }
  }

  /// Says what went wrong and leaves with the exit code of the error's category.
  private static func leave(with error: any Error) -> Never {
    let json = CommandLine.arguments.contains("--json")
    if let failure = error as? HybridizeError {
      Terminal.fail(failure, json: json)
      Terminal.leave(failure.category.exitCode)
    }
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    if code == .success {
      Terminal.out(message)
      Terminal.leave(0)
    }
    // A command that has reported a failed check throws an exit code of its own; all else is wrong usage.
    if error is ExitCode { Terminal.leave(code.rawValue) }
    Terminal.error(message)
    let failure = HybridizeError(.badArgument, found: self.message(for: error))
    if json { Terminal.show(failure) }
    Terminal.leave(failure.category.exitCode)
  }
}
