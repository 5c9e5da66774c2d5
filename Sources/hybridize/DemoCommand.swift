import ArgumentParser
import HybridizeCore
import HybridizeDistill

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Inspect, convert, verify, generate and bench a small model: the whole way on one page.")

  @Option(help: ArgumentHelp("The model to start from.", valueName: "model"))
  var model = "fixtures/recall-llama-6m"

  @Option(
    help: ArgumentHelp("A hybrid of it that has been distilled, to show where the way leads.", valueName: "model"))
  var distilled = "fixtures/recall-hybrid-6m"

  @Option(help: ArgumentHelp("Text to verify on.", valueName: "file"))
  var text = "fixtures/text/heldout.jsonl"

  @OptionGroup var shared: SharedOptions

  func run() throws {
    let demo = Demo(model: model, distilled: distilled, text: text)
    let pipeline = Pipeline(backend: try shared.backend(), progress: shared.progress)
    let json = shared.json
    let summary = try demo.run(pipeline) { if !json { Terminal.out($0, newline: false) } }
    if json { Terminal.out(JSONWriter.indented(.object(summary)), newline: false) }
  }
}
