import ArgumentParser
import HybridizeCore
import HybridizeDistill

struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract:
      "Judge a model by what it has kept of its teacher: KL, perplexity and top-1 on text, recall from the prompt.",
    discussion: """
      Recall of N pairs: phone books of N entries, eight of which are called; a call counts when every token of its number \
      is the most likely one. Likelihood on text does not show what a hybrid loses there.
      """)

  @Argument(help: "The model to judge.")
  var model: String

  @Option(help: ArgumentHelp("What it is compared with.", valueName: "model"))
  var teacher: String?

  @Option(
    help: ArgumentHelp("A .jsonl file of {\"text\": …} lines, or a plain text; needs --teacher.", valueName: "file"))
  var text: String?

  @Option(help: "Documents of the text, at most.")
  var documents = 96

  @Option(help: "Tokens a document.")
  var length = 256

  @Option(help: ArgumentHelp("Pairs to recall, for instance 8,16,32; none unless given.", valueName: "pairs"))
  var recall: String?

  @Option(help: ArgumentHelp("Phone books of each size.", valueName: "count"))
  var prompts = 64

  @Option(
    help: ArgumentHelp("A JSON list of words for phone books; words of the tokenizer unless given.", valueName: "file"))
  var words: String?

  @Option(help: "Seed of the phone books.")
  var seed: UInt64 = 20_261_123

  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard documents > 0, (2...1 << 20).contains(length), prompts > 0 else {
      throw ValidationError("--documents and --prompts must be at least 1, --length at least 2")
    }
    guard (text == nil) == (teacher == nil) else { throw ValidationError("--text and --teacher need each other") }
    guard text != nil || recall != nil else { throw ValidationError("give --text with --teacher, or --recall") }
  }

  func run() throws {
    let request = Judgement.Request(
      model: model, teacher: teacher, text: text, documents: documents, length: length,
      pairs: try recall.map { (list) throws(HybridizeError) in try NumberList.parse(list, "--recall") } ?? [],
      prompts: prompts, words: words, seed: seed)
    let judgement = try Pipeline(backend: try shared.backend(), progress: shared.progress).judge(request)
    shared.print(json: judgement.json, text: judgement.text)
  }
}
