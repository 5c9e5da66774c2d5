import ArgumentParser
import HybridizeCore
import HybridizeFormats

struct MetadataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metadata",
    abstract: "Show what a safetensors file says about itself, or change it without touching the tensors.",
    discussion: """
      A change stays in place while it fits the room of the header; beyond, the file is written anew and takes the place \
      of the old one when it is whole.
      """)

  @Argument(help: "A safetensors file.")
  var path: String

  @Option(help: ArgumentHelp("A text to set; may be repeated.", valueName: "key=value"))
  var set: [String] = []

  @Option(help: ArgumentHelp("A key to remove; may be repeated.", valueName: "key"))
  var remove: [String] = []

  @OptionGroup var shared: SharedOptions

  func run() throws {
    var changes: [String: String?] = [:]
    for key in remove { changes.updateValue(nil, forKey: key) }
    for text in set {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw HybridizeError(.badArgument, expected: "--set: key=value", found: text)
      }
      changes[parts[0]] = parts[1]
    }
    let way = changes.isEmpty ? .unchanged : try SafetensorsMetadata.edit(path, changes)
    let metadata = try SafetensorsReader(path).metadata
    var object = JSONObject()
    for (key, value) in metadata { object[key] = .string(value) }
    shared.print(
      json: [
        "schema": .string("hybridize.metadata/1"), "metadata": .object(object), "way": .string(way.rawValue),
      ],
      text: metadata.map { "\(ErrorText.escape($0.key)): \(ErrorText.escape($0.value))\n" }.joined())
  }
}
