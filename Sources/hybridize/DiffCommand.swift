import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show which tensors two checkpoints do not share, and how far their values are apart.",
    discussion: """
      Values of different element types are compared as numbers, so that a cast shows what it changed. Exit code 0 \
      whatever is found, unless --check is given: then 1 if anything differs.
      """)

  @Argument(help: "A checkpoint.")
  var first: String

  @Argument(help: "Another one, of any format.")
  var second: String

  @Flag(help: "Leave with exit code 1 if the two differ.")
  var check = false

  @OptionGroup var shared: SharedOptions

  func run() throws {
    let difference = try Pipeline.difference(first, second, threads: shared.threads, progress: shared.progress)
    shared.print(json: difference.json, text: difference.text)
    if check && !difference.isEmpty { throw ExitCode(HybridizeError.Category.checkFailed.exitCode) }
  }
}
