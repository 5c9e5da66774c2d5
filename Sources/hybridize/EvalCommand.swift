import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats

struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract:
      "Judge a model by what it has kept of its teacher: KL, perplexity and top-1 on text, and tasks in its prompt.",
    discussion: """
      Recall of N pairs: phone books of N entries, eight of which are called; a call counts when every token of its number \
      is the most likely one. Likelihood on text does not show what a hybrid loses there.

      Tasks of --tasks, and what they ask; their sizes, which --size sets:

      \(tasks)
      """)

  /// A line for each task.
  private static var tasks: String {
    TaskRegistry.all.map { task in
      let sizes = task.sizes.map { size in "\(task.name).\(size.name)=\(size.defaultText) (\(size.meaning))" }
      return "\(task.name): \(task.asks); \(sizes.joined(separator: ", "))"
    }.joined(separator: "\n")
  }

  @Argument(help: "The model to judge.")
  var model: String

  @Option(help: ArgumentHelp("What it is compared with.", valueName: "model"))
  var teacher: String?

  @Option(help: ArgumentHelp(stringLiteral: "A text, which needs --teacher: \(TextOptions.help)."))
  var text: String?

  @OptionGroup var textOptions: TextOptions

  @Option(help: "Documents of the text, at most.")
  var documents = 96

  @Option(help: "Tokens a document.")
  var length = 256

  @Option(help: ArgumentHelp("Pairs to recall, for instance 8,16,32; none unless given.", valueName: "pairs"))
  var recall: String?

  @Option(help: ArgumentHelp("Tasks, for instance needle,copy, or all; none unless given.", valueName: "names"))
  var tasks: String?

  @Option(
    help: ArgumentHelp(
      "Sizes of a task, for instance needle.length=512,1024: every combination. May be given several times.",
      valueName: "size=numbers"))
  var size: [String] = []

  @Flag(help: "Let the model also write the answers of tasks, token by token.")
  var greedy = false

  @Option(
    help: ArgumentHelp("Write the results of tasks as lm-evaluation-harness does, as JSON.", valueName: "file"))
  var lmEval: String?

  @Option(help: ArgumentHelp("Phone books, or prompts of a task, of each size.", valueName: "count"))
  var prompts = 64

  @Option(
    help: ArgumentHelp("A JSON list of words for prompts; words of the tokenizer unless given.", valueName: "file"))
  var words: String?

  @Option(help: "Seed of the prompts.")
  var seed: UInt64 = 20_261_123

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard documents > 0, prompts > 0 else { throw ValidationError("--documents and --prompts must be at least 1") }
    guard (2...1 << 20).contains(length) else { throw ValidationError("--length must be from 2 to \(1 << 20)") }
    guard (text == nil) == (teacher == nil) else { throw ValidationError("--text and --teacher need each other") }
    guard text != nil || recall != nil || tasks != nil else {
      throw ValidationError("give --text with --teacher, --recall or --tasks")
    }
    guard tasks != nil || size.isEmpty && !greedy && lmEval == nil else {
      throw ValidationError("--size, --greedy and --lm-eval need --tasks")
    }
  }

  func run() throws {
    var request = Judgement.Request(
      model: model, teacher: teacher, text: text, documents: documents, length: length,
      pairs: try recall.map { (list) throws(HybridizeError) in try NumberList.parse(list, "--recall") } ?? [],
      prompts: prompts, words: words, seed: seed)
    request.textKey = textOptions.textKey
    if let tasks { try add(tasks, to: &request) }
    if let lmEval { _ = try AtomicFile(lmEval, replacing: true) }
    let judgement = try Pipeline(
      backend: try shared.backend(), progress: shared.progress, catalog: opening.catalog(textOptions.special)
    )
    .judge(request)
    if let lmEval { try HarnessResults(model: model, seed: seed, results: judgement.tasks).write(to: lmEval) }
    shared.print(json: judgement.json, text: judgement.text)
  }

  /// Phone books of --recall are those of the task, where that is asked for.
  private func add(_ tasks: String, to request: inout Judgement.Request) throws(HybridizeError) {
    let names = tasks.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    var sizes = size
    if !request.pairs.isEmpty, names == ["all"] || names.contains("recall") {
      sizes.append("recall.pairs=" + request.pairs.map { "\($0)" }.joined(separator: ","))
      request.pairs = []
    }
    request.tasks = try TaskRequest(names, sizes: sizes, greedy: greedy)
  }
}
