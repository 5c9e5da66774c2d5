import ArgumentParser
import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime

struct LogitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logits",
    abstract: "Write float32 logits [tokens, vocabulary] to a safetensors file, to compare with other engines.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: ArgumentHelp("Token ids, for instance 1,2,3.", valueName: "list"))
  var ids: String?

  @Option(help: "A text.")
  var prompt: String?

  @Option(help: ArgumentHelp("The file to write; it must not exist.", valueName: "file"))
  var out: String

  @OptionGroup(title: "Loading") var loading: LoadingOptions
  @OptionGroup var special: SpecialTokenOptions
  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard (ids == nil) != (prompt == nil) else { throw ValidationError("give either --ids or --prompt") }
  }

  func run() throws {
    let directory = try ModelDirectory(model, catalog: opening.catalog(special)).noting(shared.progress)
    let tokens =
      try ids.map { (text) throws(HybridizeError) in try NumberList.parse(text, "--ids") }
      ?? directory.tokenizer().encode(prompt ?? "", special: .all)
    let model = try directory.load(on: try shared.backend(), loading.options)
    loading.report(model, quiet: shared.quiet || shared.json)
    let shape = try LogitsFile.write(model, tokens, to: out)
    shared.print(
      json: [
        "schema": .string("hybridize.logits/1"), "file": .string(out),
        "shape": .array(shape.dimensions.map { .integer($0) }),
      ],
      text: "wrote logits \(shape) to \(out)\n")
  }
}
