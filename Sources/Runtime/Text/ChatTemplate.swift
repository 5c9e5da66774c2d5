import HybridizeCore

/// How a conversation is written for a model: the template that its authors published with it, rendered as transformers'
/// `apply_chat_template` does.
public struct ChatTemplate: Sendable, Equatable {
  /// The text of the template.
  public let source: String
  /// Special tokens by the names that templates know them by, `bos_token` and others.
  public let specialTokens: JSONObject
  private let template: JinjaTemplate

  /// - Throws: `.chatTemplateSyntax`, `.chatTemplateUnsupported`, `.chatTemplateLimit`.
  public init(_ source: String, specialTokens: JSONObject = [:]) throws(HybridizeError) {
    self.source = source
    self.specialTokens = specialTokens
    template = try JinjaTemplate(source)
  }

  /// The text of a conversation, up to where the model answers. It has all special tokens that the model is to see: none
  /// is added when it is tokenised.
  ///
  /// - Parameter date: what a template that asks for the date is told.
  /// - Throws: `.chatTemplateRefused` with the template's own words where it takes no such conversation,
  ///   `.chatTemplateFailed`, `.chatTemplateUnsupported`, `.chatTemplateLimit`.
  public func render(_ conversation: Conversation, date: CalendarDate = .now()) throws(HybridizeError) -> String {
    var variables = specialTokens
    for (name, value) in conversation.variables.members { variables[name] = value }
    variables["messages"] = .array(conversation.messages.map { .object(Self.prepared($0)) })
    variables["tools"] = conversation.tools.map { .array($0.map { .object($0) }) } ?? .null
    variables["documents"] = conversation.documents.map { .array($0.map { .object($0) }) } ?? .null
    variables["add_generation_prompt"] = .bool(true)
    return try template.render(variables, date: date)
  }

  /// A message as templates get it: without what is null, and with its reasoning under the names that templates read.
  private static func prepared(_ message: JSONObject) -> JSONObject {
    var present = JSONObject()
    for (key, value) in message.members where !value.isNull { present[key] = value }
    let names = ["reasoning_content", "thinking", "reasoning"]
    guard let reasoning = names.lazy.compactMap({ present[$0] }).first else { return present }
    var prepared: JSONObject = ["thinking": reasoning]
    for (key, value) in present.members { prepared[key] = value }
    prepared["reasoning_content"] = reasoning
    return prepared
  }

  public static func == (a: ChatTemplate, b: ChatTemplate) -> Bool {
    UTF8Key(a.source) == UTF8Key(b.source) && a.specialTokens == b.specialTokens
  }
}
