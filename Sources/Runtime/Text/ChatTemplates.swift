import HybridizeCore
import HybridizeFormats

/// The chat templates of a model: one, or several with names.
public struct ChatTemplates: Sendable {
  private struct Entry {
    let name: String
    let source: String
    let file: String
  }

  private let entries: [Entry]
  private let specialTokens: JSONObject
  /// The file that would have one.
  private let configurationFile: String

  /// A template of this name is used unless another is asked for.
  public static let defaultName = "default"
  /// A template of this name is used where there are tools.
  public static let toolName = "tool_use"

  /// Templates of files of their own come before those of tokenizer_config.json, which come before that of a processor.
  ///
  /// - Throws: `.unreadable`, JSON problems, `.wrongField`.
  public init(in directory: String) throws(HybridizeError) {
    configurationFile = FileSystem.join(directory, "tokenizer_config.json")
    let configuration = try Self.object(configurationFile)
    specialTokens = SpecialTokens.read(
      configuration, map: try Self.object(FileSystem.join(directory, "special_tokens_map.json")))
    var entries = try Self.files(in: directory)
    if entries.isEmpty { entries = try Self.entries(configuration, configurationFile) }
    if entries.isEmpty {
      let processor = FileSystem.join(directory, "chat_template.json")
      entries = try Self.entries(try Self.object(processor), processor)
    }
    self.entries = entries
  }

  /// The names that there are.
  public var names: [String] { entries.map(\.name) }

  /// The template of a name, or the one that such a conversation takes.
  ///
  /// - Throws: `.chatTemplateMissing`, and what `ChatTemplate` throws, with the file.
  public func template(named name: String? = nil, forTools: Bool = false) throws(HybridizeError) -> ChatTemplate {
    guard !entries.isEmpty else {
      throw HybridizeError(
        .chatTemplateMissing, file: configurationFile, expected: "chat_template, or a file chat_template.jinja",
        remedy: "leave --chat out, and write the prompt as the model expects it")
    }
    var wanted = name ?? Self.defaultName
    if name == nil, forTools, names.contains(Self.toolName) { wanted = Self.toolName }
    guard let entry = entries.first(where: { UTF8Key($0.name) == UTF8Key(wanted) }) else {
      let names = names.map { String($0.prefix(80)) }.joined(separator: ", ")
      throw HybridizeError(
        .chatTemplateMissing, file: configurationFile, expected: "a template named \(wanted)", found: names,
        remedy: "choose one with --chat-template NAME")
    }
    do throws(HybridizeError) {
      return try ChatTemplate(entry.source, specialTokens: specialTokens)
    } catch { throw error.inFile(entry.file) }
  }

  // MARK: Files

  /// chat_template.jinja and the files of additional_chat_templates.
  private static func files(in directory: String) throws(HybridizeError) -> [Entry] {
    var entries: [Entry] = []
    func add(_ name: String, _ file: String) throws(HybridizeError) {
      let bytes = try FileSystem.read(file, limit: 1 << 24)
      guard let source = String(validating: bytes, as: UTF8.self) else {
        throw HybridizeError(.invalidUTF8, file: file)
      }
      entries.append(Entry(name: name, source: source, file: file))
    }
    let file = FileSystem.join(directory, "chat_template.jinja")
    if FileSystem.exists(file) { try add(defaultName, file) }
    let folder = FileSystem.join(directory, "additional_chat_templates")
    guard FileSystem.isDirectory(folder) else { return entries }
    for name in try FileSystem.list(folder).sorted() where name.hasSuffix(".jinja") {
      let template = String(name.dropLast(6))
      entries.removeAll { UTF8Key($0.name) == UTF8Key(template) }
      try add(template, FileSystem.join(folder, name))
    }
    return entries
  }

  /// A JSON object; an empty one where there is no such file.
  private static func object(_ file: String) throws(HybridizeError) -> JSONObject {
    guard FileSystem.exists(file) else { return [:] }
    let json = try ModelDirectory.readJSON(file)
    guard let object = json.objectValue else {
      throw HybridizeError(.wrongField, file: file, expected: "an object", found: json.kind)
    }
    return object
  }

  /// `chat_template`: a text, a list of objects with `name` and `template`, or an object of texts.
  private static func entries(_ object: JSONObject, _ file: String) throws(HybridizeError) -> [Entry] {
    switch object["chat_template"] {
    case nil, .null?: return []
    case .string(let source)?: return [Entry(name: defaultName, source: source, file: file)]
    case .array(let elements)?:
      var entries: [Entry] = []
      for element in elements {
        guard let name = element.objectValue?["name"]?.stringValue,
          let source = element.objectValue?["template"]?.stringValue
        else { throw wrong("an element without a name and a template", file) }
        // Of two with one name the last counts, as in a dictionary of them.
        entries.removeAll { UTF8Key($0.name) == UTF8Key(name) }
        entries.append(Entry(name: name, source: source, file: file))
      }
      return entries
    case .object(let members)?:
      var entries: [Entry] = []
      for (name, value) in members.members {
        guard let source = value.stringValue else { throw wrong(value.kind, file) }
        entries.append(Entry(name: name, source: source, file: file))
      }
      return entries
    case let other?: throw wrong(other.kind, file)
    }
  }

  private static func wrong(_ found: String, _ file: String) -> HybridizeError {
    HybridizeError(
      .wrongField, file: file, expected: "chat_template: a string, or a list of objects with name and template",
      found: found)
  }
}
