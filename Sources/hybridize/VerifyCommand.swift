import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare a converted model with its source: tensors, prefill against decode, quality on text.",
    discussion: """
      With --text, documents are cut to their first --length tokens, shorter ones are skipped, nothing is added in \
      front; KL(source || converted) and top-1 agreement are averaged over all positions, perplexity over predicted \
      tokens. Exit code 1 if prefill and decode disagree, if identical models give different logits, or if the KL \
      exceeds --max-kl.
      """)

  @Argument(help: "The original model.")
  var source: String

  @Argument(help: "The converted model.")
  var converted: String

  @Option(help: ArgumentHelp(stringLiteral: "A text: \(TextOptions.help)."))
  var text: String?

  @OptionGroup var textOptions: TextOptions

  @Option(help: "Documents to compare on, at most.")
  var documents = 96

  @Option(help: "Tokens a document.")
  var length = 256

  @Option(help: ArgumentHelp("The KL that is accepted, in nats a token.", valueName: "nats"))
  var maxKl: Double?

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard documents > 0 else { throw ValidationError("--documents must be at least 1") }
    guard (2...1 << 20).contains(length) else { throw ValidationError("--length must be from 2 to \(1 << 20)") }
    guard maxKl == nil || text != nil else { throw ValidationError("--max-kl needs --text") }
  }

  func run() throws {
    let verification = try Pipeline(
      backend: try shared.backend(), progress: shared.progress, catalog: opening.catalog(textOptions.special)
    )
    .verify(
      source: source, converted: converted, text: text, textKey: textOptions.textKey, documents: documents,
      length: length)
    let failures = verification.failures(largestDivergence: maxKl)
    shared.print(json: verification.json(failures), text: verification.text(failures))
    if !failures.isEmpty { throw ExitCode(HybridizeError.Category.checkFailed.exitCode) }
  }
}
