import ArgumentParser
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Show the token ids of a text, as the model sees it.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The text.")
  var prompt: String?

  @Option(help: ArgumentHelp(stringLiteral: "A text: \(TextOptions.help). Each document has a line."))
  var text: String?

  @OptionGroup var textOptions: TextOptions

  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard (prompt == nil) != (text == nil) else { throw ValidationError("give either --prompt or --text") }
  }

  func run() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: model)
    if !shared.quiet { for warning in tokenizer.warnings { Terminal.error("warning: \(warning)") } }
    let special: Tokenizer.SpecialTokens = textOptions.special.areLeftOut ? .none : .all
    let documents = try texts().map { try tokenizer.encode($0, special: special) }
    var json: JSONObject = [
      "schema": .string("hybridize.tokenize/1"), "ids": .array(documents.joined().map { .integer($0) }),
    ]
    if text != nil { json["documents"] = .array(documents.map { .integer($0.count) }) }
    shared.print(
      json: json, text: documents.map { $0.map { String($0) }.joined(separator: " ") + "\n" }.joined())
  }

  /// The documents, each whole.
  private func texts() throws(HybridizeError) -> [String] {
    if let prompt { return [prompt] }
    var reader = TextReader(try TextSource(text ?? "", key: textOptions.textKey))
    var texts: [String] = []
    while let piece = try reader.next() {
      if piece.beginsDocument { texts.append("") }
      texts[texts.count - 1] += try piece.text()
    }
    return texts
  }
}
