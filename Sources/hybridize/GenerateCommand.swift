import ArgumentParser
import HybridizeCore
import HybridizeRuntime

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a prompt, token by token.",
    discussion: "Greedy unless --temperature is given. The same seed gives the same text.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The text to continue.")
  var prompt: String?

  @OptionGroup(title: "Chat") var chat: ChatOptions

  @Option(name: [.customShort("n"), .long], help: "New tokens, at most.")
  var tokens = 128

  @Option(
    help: ArgumentHelp(
      "Keep the state after the prompt in this file; a prompt that begins with the file's goes on from there.",
      valueName: "file"))
  var promptCache: String?

  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Loading") var loading: LoadingOptions
  @OptionGroup var special: SpecialTokenOptions
  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard (1...1 << 24).contains(tokens) else { throw ValidationError("--tokens must be at least 1") }
    try chat.check(prompt: prompt)
  }

  func run() throws {
    let directory = try ModelDirectory(model, catalog: opening.catalog(special)).noting(shared.progress)
    let tokenizer = try directory.tokenizer()
    let rendered = try chat.rendered(prompt: prompt, for: directory)
    // A template has written its special tokens itself.
    let ids =
      if let rendered {
        try tokenizer.encode(rendered)
      } else {
        try tokenizer.encode(prompt ?? "", special: .all)
      }
    let sampler = try sampling.sampler()
    let endTokens = try directory.endTokens()
    let model = try directory.load(on: try shared.backend(), loading.options)
    loading.report(model, quiet: shared.quiet || shared.json)
    var decoder = StreamDecoder(tokenizer)
    var text = ""
    func show(_ piece: String) {
      text += piece
      if !shared.json { Terminal.out(piece, newline: false) }
    }
    var generator = Generator(model, sampler: sampler, endTokens: endTokens)
    try generator.check(ids)
    if !shared.json, rendered == nil { Terminal.out(prompt ?? "", newline: false) }
    let outcome = try generator.generate(ids, maximum: tokens, promptCache: promptCache) { token in
      show((try? decoder.add(token)) ?? "")
    }
    show(decoder.finish())
    report(text, outcome)
  }

  private func report(_ text: String, _ outcome: Generator.Outcome) {
    let ids = outcome.tokens
    let rate = Double(ids.count) / max(outcome.decodeSeconds, 1e-9)
    if shared.json {
      let object: JSONObject = [
        "schema": .string("hybridize.generate/1"), "text": .string(text),
        "tokens": .array(ids.map { .integer($0) }), "stop": .string(outcome.stop.rawValue),
        "prompt_seconds": .double(outcome.promptSeconds), "prompt_tokens_cached": .integer(outcome.cachedTokens),
        "tokens_per_second": .double(rate),
      ]
      Terminal.out(JSONWriter.indented(.object(object)), newline: false)
    } else {
      Terminal.out("")
      if !shared.quiet { Terminal.error("\(ids.count) tokens, \(NumberText.fixed(rate, 1)) a second") }
    }
  }
}

/// How the next token is drawn.
struct SamplingOptions: ParsableArguments {
  @Option(help: "0 takes the most likely token; above, the higher the more surprising.")
  var temperature = 0.0

  @Option(help: "Draw among the k most likely tokens; 0 for all.")
  var topK = 0

  @Option(help: "Draw among the most likely tokens that together have this probability.")
  var topP = 1.0

  @Option(help: "Draw among tokens at least this likely, relative to the most likely.")
  var minP = 0.0

  @Option(help: "Seed of the draw.")
  var seed: UInt64 = 0

  /// - Throws: `.badArgument`.
  func sampler() throws(HybridizeError) -> Sampler {
    try Sampler(temperature: temperature, topK: topK, topP: topP, minP: minP, seed: seed)
  }
}
