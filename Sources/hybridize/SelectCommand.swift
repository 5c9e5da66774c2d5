import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

struct SelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Choose the layers that stay softmax attention, and say how sure the choice is.",
    discussion: """
      Candidates are compared with the original on the same text. Confidence is the share of draws of that text, with \
      replacement, in which the same layers are chosen; layers that the text does not tell apart are said to be ties.

      Methods:
      \(SelectorRegistry.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"))
      """)

  @Argument(help: "The original model.")
  var model: String

  @Option(help: "How many layers to keep.")
  var keep: Int?

  @Option(help: "The share of the softmax layers to keep.")
  var ratio: Double?

  @Option(
    help: ArgumentHelp(
      "What to go by; the methods stand above. Of several, a,b,c, the first decides, the others are shown.",
      valueName: "method"))
  var method = SelectorRegistry.standard

  @OptionGroup var selection: SelectionOptions

  @Option(help: "Seed of the choice of text and prompts, of new mixers and of training.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Keep what is measured of each candidate here: what is there is not measured again.", valueName: "file"))
  var scores: String?

  @Option(
    help: ArgumentHelp(
      "Measure candidates of these layers only, into --scores; a job of several.", valueName: "layers"))
  var layers: String?

  @Option(help: ArgumentHelp("Take what other jobs have measured; may be repeated.", valueName: "file"))
  var merge: [String] = []

  @Option(
    help: ArgumentHelp(
      "Write one page with scores, quality by number of kept layers, overlap and cost.", valueName: "file"))
  var html: String?

  @Flag(help: "Say what the selection would take, and measure nothing.")
  var dryRun = false

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard (keep == nil) != (ratio == nil) else { throw ValidationError("give either --keep or --ratio") }
    if let ratio, !(0...1).contains(ratio) { throw ValidationError("--ratio must be from 0 to 1") }
    if layers != nil, scores == nil { throw ValidationError("--layers needs --scores") }
  }

  func run() throws {
    let configuration = try ModelDirectory(model, catalog: opening.catalog(selection.textOptions.special)).configuration
    let count = keep ?? Int((ratio ?? 0) * Double(configuration.keptLayers.count) + 0.5)
    let methods = method.split(separator: ",").map(String.init)
    var request = try selection.request(model, method: methods.first ?? "", keep: count, seed: seed)
    request.catalog = opening.catalog(selection.textOptions.special)
    request.compared = Array(methods.dropFirst())
    request.measuresQuality = html != nil
    request.ledger = scores
    request.layers = try layers.map { (list) throws(HybridizeError) in try NumberList.parse(list, "--layers") }
    request.merged = merge
    let pipeline = Pipeline(
      backend: try shared.backend(), progress: shared.progress, catalog: opening.catalog(selection.textOptions.special))
    if dryRun {
      let cost = try pipeline.expectedCost(request)
      shared.print(
        json: ["schema": .string("hybridize.select/1"), "expected": .object(cost.json)],
        text: "about \(NumberText.fixed(cost.seconds, 0)) s: \(cost.judgedTokens) tokens to read, "
          + "\(cost.trainedTokens) to train on\n")
      return
    }
    if let html { try BenchmarkReport.checkWritable(html) }
    let report = try pipeline.select(request)
    if let html { try AtomicFile.write(report.html, to: html) }
    shared.print(json: report.json, text: report.text)
  }
}
