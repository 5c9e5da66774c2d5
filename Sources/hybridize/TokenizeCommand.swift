import ArgumentParser
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Show the token ids of a text, as the model sees it; none are added.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The text.")
  var prompt: String?

  @Option(help: ArgumentHelp("A file with the text.", valueName: "file"))
  var text: String?

  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard (prompt == nil) != (text == nil) else { throw ValidationError("give either --prompt or --text") }
  }

  func run() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: model)
    let ids = try tokenizer.encode(try readText())
    shared.print(
      json: ["schema": .string("hybridize.tokenize/1"), "ids": .array(ids.map { .integer($0) })],
      text: ids.map { String($0) }.joined(separator: " ") + "\n")
  }

  private func readText() throws(HybridizeError) -> String {
    if let prompt { return prompt }
    let path = text ?? ""
    guard let read = String(validating: try FileSystem.read(path, limit: 1 << 30), as: UTF8.self) else {
      throw HybridizeError(.invalidUTF8, file: path)
    }
    return read
  }
}
