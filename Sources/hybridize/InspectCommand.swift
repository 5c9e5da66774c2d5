import ArgumentParser
import HybridizeCore
import HybridizeEvaluation

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show tensors, shapes, layers and memory by the headers alone.")

  @Argument(help: "A model directory, a weights file or a Hugging Face cache snapshot.")
  var path: String

  @Flag(help: "Draw the tensor names as a tree.")
  var tree = false

  @Flag(help: "List every tensor.")
  var tensors = false

  @Option(
    help: ArgumentHelp("Contexts at which memory is shown, for instance 2048,8192.", valueName: "tokens"),
    transform: { try NumberList.parse($0, "--context") })
  var context: [Int] = Inspection.defaultContexts

  @OptionGroup var shared: SharedOptions

  func run() throws {
    let inspection = try Inspection(path)
    shared.print(json: inspection.json(contexts: context), text: text(inspection))
  }

  private func text(_ inspection: Inspection) -> String {
    if tree { return TensorTree(inspection.tensors).text }
    return inspection.text(contexts: context)
      + (tensors && inspection.model != nil ? "\n" + inspection.tensorTable : "")
  }
}
