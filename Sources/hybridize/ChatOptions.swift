import ArgumentParser
import HybridizeCore
import HybridizeRuntime

/// A conversation to answer, in place of a text to continue.
struct ChatOptions: ParsableArguments {
  @Flag(help: "Put the prompt into the model's chat template as the user's message.")
  var chat = false

  @Option(help: "The system's message, with --chat or --messages; the model's own unless given.")
  var system: String?

  @Option(
    help: ArgumentHelp(
      "A conversation of several turns as JSON: an array of {role, content}, or an object with messages and tools. "
        + "A --prompt comes after it as the user's next message.",
      valueName: "file"))
  var messages: String?

  @Option(
    help: ArgumentHelp(
      "Which of the model's chat templates; default unless given, tool_use where there are tools.", valueName: "name"))
  var chatTemplate: String?

  private var isChat: Bool { chat || messages != nil }

  /// - Throws: wrong usage.
  func check(prompt: String?) throws {
    guard prompt != nil || messages != nil else { throw ValidationError("--prompt is missing, or --messages") }
    guard system == nil || isChat else { throw ValidationError("--system needs --chat or --messages") }
    guard chatTemplate == nil || isChat else { throw ValidationError("--chat-template needs --chat or --messages") }
  }

  /// The conversation as the model's template writes it; `nil` if there is none.
  ///
  /// - Throws: what reading the messages, the template and rendering can throw, `.badArgument` for a second system message.
  func rendered(prompt: String?, for model: ModelDirectory) throws(HybridizeError) -> String? {
    guard isChat else { return nil }
    var conversation = Conversation(messages: [])
    if let messages { conversation = try Conversation.read(messages) }
    if let prompt { conversation.append(user: prompt) }
    if let system {
      guard !conversation.hasSystemMessage else {
        throw HybridizeError(
          .badArgument, file: messages, expected: "messages that do not begin with the system's, with --system",
          remedy: "leave --system out")
      }
      conversation.prepend(system: system)
    }
    let templates = try ChatTemplates(in: model.path)
    return try templates.template(named: chatTemplate, forTools: conversation.tools != nil).render(conversation)
  }
}
