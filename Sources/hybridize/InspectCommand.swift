import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show tensors, shapes, layers and memory by the headers alone.",
    discussion: """
      --stats, --hash and --check read the data as well. --check leaves with exit code 1 if a value is infinite or not \
      a number, or if a converted model's files are not those that its manifest names.
      """)

  @Argument(help: "A model directory, a weights file or a Hugging Face cache snapshot.")
  var path: String

  @Flag(help: "Draw the tensor names as a tree.")
  var tree = false

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(help: "List what the values of every tensor are like.")
  var stats = false

  @Flag(help: "List the SHA-256 of every tensor's bytes.")
  var hash = false

  @Flag(help: "Look for values that are infinite or no numbers, and compare files with the manifest.")
  var check = false

  @Option(
    help: ArgumentHelp("Contexts at which memory is shown, for instance 2048,8192.", valueName: "tokens"),
    transform: { try NumberList.parse($0, "--context") })
  var context: [Int] = Inspection.defaultContexts

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func run() throws {
    let inspection = try Inspection(path, catalog: opening.catalog)
    var parts: TensorScan.Parts = []
    if stats || check { parts.insert(.statistics) }
    if hash || check { parts.insert(.digests) }
    let scan = try Pipeline.scan(inspection, parts, threads: shared.threads, progress: shared.progress)
    var failures: [String] = []
    if check, let scan { failures = try Pipeline.failures(inspection, scan) }
    var json = inspection.json(contexts: context, scan: scan)
    if check {
      json["check"] = .object([
        "passed": .bool(failures.isEmpty), "failures": .array(failures.map { .string($0) }),
      ])
    }
    shared.print(json: json, text: text(inspection, scan, failures))
    if !failures.isEmpty { throw ExitCode(HybridizeError.Category.checkFailed.exitCode) }
  }

  private func text(_ inspection: Inspection, _ scan: TensorScan?, _ failures: [String]) -> String {
    var text = tree ? TensorTree(inspection.tensors).text : inspection.text(contexts: context)
    if tensors && !tree && inspection.model != nil { text += "\n" + inspection.tensorTable }
    if let scan, stats || hash { text += "\n" + scan.text }
    guard check else { return text }
    return text + "\n" + (failures.isEmpty ? "check: passed\n" : failures.map { "FAILED: \($0)\n" }.joined())
  }
}
