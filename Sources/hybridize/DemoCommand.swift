import ArgumentParser
import HybridizeCore
import HybridizeDistill

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "The whole way on a small model, on one page: select, convert, distil, verify, generate, bench.",
    discussion: """
      The selected layers and as many evenly spaced ones are distilled alike, and both are compared with the teacher.
      """)

  @Option(help: ArgumentHelp("The model to start from.", valueName: "model"))
  var model = "fixtures/recall-llama-6m"

  @Option(
    name: .customLong("text"),
    help: ArgumentHelp("Text to select and train by: general text and phone books; repeatable.", valueName: "file"))
  var texts = ["fixtures/text/train.jsonl.zst", "fixtures/text/recall.jsonl.zst"]

  @Option(help: ArgumentHelp("The texts' shares of the tokens.", valueName: "shares"))
  var mix: String?

  @Option(help: ArgumentHelp("Text to judge by, on which nothing is trained.", valueName: "file"))
  var heldOut = "fixtures/text/heldout.jsonl"

  @Option(help: ArgumentHelp("A JSON list of words for phone books.", valueName: "file"))
  var words = "fixtures/text/words.json"

  @Option(help: "How many layers to keep.")
  var keep = 2

  @Option(help: ArgumentHelp("Tokens to align on.", valueName: "tokens"))
  var alignTokens = 40_960

  @Option(help: ArgumentHelp("Tokens to match on, for each choice of layers.", valueName: "tokens"))
  var matchTokens = 81_920

  @Option(help: "Seed of everything.")
  var seed: UInt64 = 0

  @Flag(
    help: """
      Judge on 96 documents and 64 phone books, and fail unless the selected layers have a KL 1.5 times lower and recall at \
      least 0.98 where evenly spaced ones have less than 0.05.
      """)
  var claim = false

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard !texts.contains("-"), heldOut != "-" else {
      throw ValidationError("the demo reads its texts several times: give files, not standard input")
    }
    guard alignTokens > 0, matchTokens > 0 else { throw ValidationError("tokens must be at least 1") }
  }

  func run() throws {
    let usual = mix ?? (texts.count == 2 ? "0.95,0.05" : nil)
    var trial = SelectionTrial(
      model: model, texts: Array(zip(texts, try TextShares.parse(usual, of: texts))), words: words, heldOut: heldOut)
    (trial.keep, trial.seed) = (keep, seed)
    (trial.alignTokens, trial.matchTokens) = (alignTokens, matchTokens)
    if claim { (trial.documents, trial.prompts) = (96, 64) }
    let pipeline = Pipeline(backend: try shared.backend(), progress: shared.progress, catalog: opening.catalog)
    let json = shared.json
    let (summary, outcome) = try Demo(trial).run(pipeline) { if !json { Terminal.out($0, newline: false) } }
    if json { Terminal.out(JSONWriter.indented(.object(summary)), newline: false) }
    guard claim else { return }
    let verdict =
      "KL \(NumberText.fixed(outcome.ratio, 2)) times lower; recall \(NumberText.fixed(outcome.guided.recall, 3)) "
      + "against \(NumberText.fixed(outcome.uniform.recall, 3))"
    if !json { Terminal.out("\n\(outcome.holds ? "The claim holds" : "THE CLAIM FAILS"): \(verdict).") }
    if !outcome.holds { throw ExitCode(1) }
  }
}
