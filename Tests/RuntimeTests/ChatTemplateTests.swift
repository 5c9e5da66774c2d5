import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("chat template")
struct ChatTemplateTests {
  /// As SmolLM2's tokenizer_config.json has it.
  private static let smolLM2 = #"""
    {% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are \#
    a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + \#
    message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}\#
    {{ '<|im_start|>assistant\n' }}{% endif %}
    """#
  private static let chatML = #"""
    {% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}\#
    {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
    """#

  /// Expected texts are those of transformers' `apply_chat_template`.
  @Test("SmolLM2's template is rendered as transformers renders it", arguments: [smolLM2, breaks(smolLM2)])
  func rendered(_ text: String) throws {
    let template = try ChatTemplate(text)
    #expect(
      template.render(user: "Hi, \"you\"!\n")
        == "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        + "<|im_start|>user\nHi, \"you\"!\n<|im_end|>\n<|im_start|>assistant\n")
    #expect(
      template.render(user: "Hi", system: "Be brief.")
        == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
  }

  @Test("plain ChatML has no system message of its own")
  func plainChatML() throws {
    let template = try ChatTemplate(Self.chatML)
    #expect(template.defaultSystem == nil)
    #expect(template.render(user: "Hi") == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
  }

  /// Line breaks as themselves, which Jinja takes for the same.
  private static func breaks(_ text: String) -> String {
    text.split(separator: #"\n"#, omittingEmptySubsequences: false).joined(separator: "\n")
  }

  @Test(
    "any other template is refused",
    arguments: ["", smolLM2 + " ", String(smolLM2.dropLast()), "{{ messages[0]['content'] }}"])
  func unknown(_ text: String) {
    expectProblem(.chatTemplateUnsupported) { try ChatTemplate(text) }
  }

  @Test("a model's template is read from its tokenizer_config.json")
  func fromDirectory() throws {
    let scratch = TemporaryDirectory()
    let model = try PicoModel().open(in: scratch)
    let file = scratch.path("tokenizer_config.json")
    #expect(expectProblem(.chatTemplateMissing) { try model.chatTemplate() }?.file == file)
    scratch.write("tokenizer_config.json", #"{"chat_template": null}"#)
    #expect(expectProblem(.chatTemplateMissing) { try model.chatTemplate() }?.file == file)
    scratch.write("tokenizer_config.json", #"{"chat_template": "{{ bos_token }}"}"#)
    #expect(expectProblem(.chatTemplateUnsupported) { try model.chatTemplate() }?.file == file)
    scratch.write("tokenizer_config.json", JSONValue.object(["chat_template": .string(Self.chatML)]).bytes)
    #expect(try model.chatTemplate() == ChatTemplate(Self.chatML))
  }
}
