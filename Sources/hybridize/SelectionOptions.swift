import ArgumentParser
import HybridizeConvert
import HybridizeCore
import HybridizeDistill

/// What layers are chosen by.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: .customLong("text"),
    help: ArgumentHelp(
      "What candidates are judged on, and trained on where a method does: \(TextOptions.help); may be repeated.",
      valueName: "text"))
  var texts: [String] = []

  @OptionGroup var textOptions: TextOptions

  @Option(
    help: ArgumentHelp(
      "The texts' shares of the tokens, for instance 0.95,0.05; equal unless given.", valueName: "shares"))
  var mix: String?

  @Option(
    help: ArgumentHelp(
      "A model with all layers converted, usually aligned; mixers with transferred weights unless given.",
      valueName: "model"))
  var student: String?

  @Option(help: "Sequences of text to judge by.")
  var sequences = 32

  @Option(help: "Tokens of each.")
  var length = 256

  @Option(help: "Phone books, or prompts of another task, to judge by.")
  var prompts = 24

  @Option(help: "Entries of each phone book.")
  var pairs = 16

  @Option(
    help: ArgumentHelp("A JSON list of words for prompts; words of the tokenizer unless given.", valueName: "file"))
  var words: String?

  @Option(help: ArgumentHelp("kl-recall: what KL at answers weighs against KL on text.", valueName: "weight"))
  var answerWeight = SelectionRequest.usualAnswerWeight

  @Option(help: "ga-s2, gr-s2, avg-s2: tokens that each candidate is trained on.")
  var tokens = 50_000

  @Flag(help: "ga-s2, gr-s2, avg-s2: rank by the loss of the last steps of training, as the published code does.")
  var rankByTrainingLoss = false

  @Flag(help: "ga-s2, gr-s2: train candidates side by side, and stop when the chosen layers are the same three times.")
  var stopEarly = false

  @Option(help: ArgumentHelp("given: the layers.", valueName: "layers"))
  var list: String?

  @Option(help: "Draws of the text by which confidence is found.")
  var resamples = 1000

  @Option(help: ArgumentHelp("Where tokenised texts are kept.", valueName: "dir"))
  var cache: String?

  func validate() throws { try TextShares.checkStandardInput(texts) }

  /// - Throws: `.badArgument`, wrong usage.
  func request(_ model: String, method: String, keep: Int, seed: UInt64) throws -> SelectionRequest {
    var request = SelectionRequest(model: model, method: method, keep: keep)
    request.texts = Array(zip(texts, try TextShares.parse(mix, of: texts)))
    request.textKey = textOptions.textKey
    request.student = student
    request.sequences = sequences
    request.length = length
    request.prompts = prompts
    request.pairs = pairs
    request.words = words
    request.answerWeight = answerWeight
    request.tokens = tokens
    request.ranksByTrainingLoss = rankByTrainingLoss
    request.stopsEarly = stopEarly
    request.given = try list.map { (text) throws(HybridizeError) in try NumberList.parse(text, "--list") } ?? []
    request.resamples = resamples
    request.cache = cache
    request.seed = seed
    return request
  }
}

/// `0.95,0.05`.
enum TextShares {
  /// - Throws: wrong usage.
  static func checkStandardInput(_ texts: [String]) throws {
    guard texts.count(where: { $0 == "-" }) <= 1 else {
      throw ValidationError("--text - can be given once: standard input is one text")
    }
  }

  /// - Throws: wrong usage.
  static func parse(_ mix: String?, of texts: [String]) throws -> [Double] {
    guard let mix else { return texts.map { _ in 1 } }
    let shares = mix.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
    guard shares.count == texts.count, shares.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ValidationError("--mix must have a share above zero for each --text")
    }
    return shares
  }
}
