import HybridizeCore

/// How a conversation is written for a model: ChatML, with the system message that the model was trained with.
public struct ChatTemplate: Sendable, Equatable {
  /// The system message where none is given; `nil` for none.
  public let defaultSystem: String?

  /// Templates are recognised by their exact text; a program that is nearly the same may do something else.
  private static let known: [(template: String, defaultSystem: String?)] = [
    (
      """
      {% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
      You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
      ' }}{% endif %}{{'<|im_start|>' + message['role'] + '
      ' + message['content'] + '<|im_end|>' + '
      '}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
      ' }}{% endif %}
      """, "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    ),
    (
      """
      {% for message in messages %}{{'<|im_start|>' + message['role'] + '
      ' + message['content'] + '<|im_end|>' + '
      '}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
      ' }}{% endif %}
      """, nil
    ),
  ]

  /// - Parameter template: `chat_template` of tokenizer_config.json.
  /// - Throws: `.chatTemplateUnsupported`.
  public init(_ template: String) throws(HybridizeError) {
    // Jinja gives line breaks in a string as \n or as themselves.
    let plain = template.split(separator: "\\n", omittingEmptySubsequences: false).joined(separator: "\n")
    guard let found = Self.known.first(where: { UTF8Key($0.template) == UTF8Key(plain) }) else {
      throw HybridizeError(
        .chatTemplateUnsupported, expected: "the ChatML template of SmolLM2",
        remedy: "write the conversation into --prompt as the model expects it, without --chat")
    }
    defaultSystem = found.defaultSystem
  }

  /// A conversation of one message, up to where the model answers.
  public func render(user: String, system: String? = nil) -> String {
    let first = (system ?? defaultSystem).map { "<|im_start|>system\n\($0)<|im_end|>\n" } ?? ""
    return first + "<|im_start|>user\n\(user)<|im_end|>\n<|im_start|>assistant\n"
  }
}

extension Problem {
  public static let chatTemplateUnsupported = Problem(
    "chatTemplateUnsupported", .inputFile, "the model's chat template is not known")
  public static let chatTemplateMissing = Problem(
    "chatTemplateMissing", .inputFile, "the model has no chat template")
}
