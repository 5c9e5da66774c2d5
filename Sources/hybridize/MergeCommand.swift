import ArgumentParser
import HybridizeCore
import HybridizeDistill

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Put students together whose layers were aligned apart: each layer from where it was aligned.",
    discussion: """
      The students come from one conversion and from distill --stage align with other --layers each, for instance as the \
      jobs of an array on a cluster. OUT must not exist, and appears whole or not at all.
      """)

  @Argument(help: "The aligned students, two or more, and the directory to write.")
  var paths: [String]

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard paths.count >= 3 else { throw ValidationError("give at least two students and the directory to write") }
  }

  func run() throws {
    let merge = try LayerMerge(Array(paths.dropLast()), catalog: opening.catalog)
    try merge.write(to: paths[paths.count - 1], progress: shared.progress)
    shared.print(json: merge.json, text: merge.text)
  }
}
