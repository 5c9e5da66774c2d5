import HybridizeCore
import HybridizeFormats

/// What has been said: messages with their roles, and what else a chat template is told.
public struct Conversation: Sendable, Equatable {
  /// Each with a `role`, and with `content` or what a template reads besides.
  public var messages: [JSONObject]
  /// Functions that the model may call, as JSON schemas; `nil` for none.
  public var tools: [JSONObject]?
  /// Documents to answer from; `nil` for none.
  public var documents: [JSONObject]?
  /// Further variables of the template, for instance `enable_thinking`.
  public var variables: JSONObject

  public init(
    messages: [JSONObject], tools: [JSONObject]? = nil, documents: [JSONObject]? = nil, variables: JSONObject = [:]
  ) {
    self.messages = messages
    self.tools = tools
    self.documents = documents
    self.variables = variables
  }

  /// A question, perhaps after a system message.
  public init(user: String, system: String? = nil) {
    self.init(messages: [Self.message("user", user)])
    if let system { messages.insert(Self.message("system", system), at: 0) }
  }

  /// An array of messages, or an object with `messages` and, if there are any, `tools`, `documents` and
  /// `chat_template_kwargs`, which are variables of the template.
  ///
  /// - Throws: `.wrongField`, `.unknownField`.
  public init(json: JSONValue) throws(HybridizeError) {
    guard let object = json.objectValue else {
      self.init(messages: try Self.messages(json))
      return
    }
    if let name = object.keys.first(where: { !Self.fields.contains($0) }) {
      throw HybridizeError(
        .unknownField, expected: Self.fields.joined(separator: ", "), found: name)
    }
    let variables = object["chat_template_kwargs"] ?? .object([:])
    guard let variables = variables.isNull ? [:] : variables.objectValue else {
      throw HybridizeError(.wrongField, expected: "chat_template_kwargs: an object", found: variables.kind)
    }
    let own = ["messages", "tools", "documents", "add_generation_prompt"]
    if let name = variables.keys.first(where: own.contains) {
      throw HybridizeError(
        .wrongField, expected: "chat_template_kwargs without \(own.joined(separator: ", "))", found: name)
    }
    self.init(
      messages: try Self.messages(object["messages"] ?? .null), tools: try Self.objects("tools", object["tools"]),
      documents: try Self.objects("documents", object["documents"]), variables: variables)
  }

  /// Reads a file of at most 64 MiB.
  ///
  /// - Throws: `.unreadable`, JSON problems, `.wrongField`, `.unknownField`. They name the file.
  public static func read(_ path: String) throws(HybridizeError) -> Conversation {
    let json = try ModelDirectory.readJSON(path)
    do throws(HybridizeError) { return try Conversation(json: json) } catch { throw error.inFile(path) }
  }

  /// Whether it begins with a system message.
  public var hasSystemMessage: Bool { messages.first?["role"]?.stringValue == "system" }

  /// Puts a system message in front.
  public mutating func prepend(system: String) { messages.insert(Self.message("system", system), at: 0) }

  public mutating func append(user: String) { messages.append(Self.message("user", user)) }

  private static let fields = ["messages", "tools", "documents", "chat_template_kwargs"]

  private static func message(_ role: String, _ content: String) -> JSONObject {
    ["role": .string(role), "content": .string(content)]
  }

  private static func messages(_ json: JSONValue) throws(HybridizeError) -> [JSONObject] {
    let messages = try objects("messages", json) ?? []
    guard !messages.isEmpty else {
      throw HybridizeError(
        .wrongField, expected: "messages: at least one, for instance [{\"role\": \"user\", \"content\": \"Hello\"}]",
        found: json.arrayValue == nil ? json.kind : "none")
    }
    for (index, message) in messages.enumerated() where message["role"]?.stringValue == nil {
      throw HybridizeError(
        .wrongField, expected: "messages: each with a role, a string", found: "message \(index + 1) without one")
    }
    return messages
  }

  private static func objects(_ name: String, _ json: JSONValue?) throws(HybridizeError) -> [JSONObject]? {
    guard let json, !json.isNull else { return nil }
    guard let array = json.arrayValue else {
      throw HybridizeError(.wrongField, expected: "\(name): an array of objects", found: json.kind)
    }
    var objects: [JSONObject] = []
    for element in array {
      guard let object = element.objectValue else {
        throw HybridizeError(.wrongField, expected: "\(name): an array of objects", found: "\(element.kind) in it")
      }
      objects.append(object)
    }
    return objects
  }
}
