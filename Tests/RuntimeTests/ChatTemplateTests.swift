import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("chat template")
struct ChatTemplateTests {
  /// As transformers' `apply_chat_template` has it.
  @Test("conversations are rendered, refused and failed at as by transformers")
  func rendered() throws {
    let conversations = try #require(ChatFixtures.read("conversations.json").objectValue)
    let renderings = try ChatFixtures.read("renderings.json")
    let templates = try ChatFixtures.templates()
    #expect(templates.count >= 17 && conversations.count >= 20)
    for (name, source) in templates {
      let template = try ChatTemplate(source, specialTokens: ChatFixtures.specialTokens)
      for (title, json) in conversations.members {
        let conversation = try Conversation(json: json)
        let outcome = try ChatFixtures.Outcome { () throws(HybridizeError) in
          try template.render(conversation, date: ChatFixtures.date)
        }
        #expect(outcome == ChatFixtures.outcome(name, title, in: renderings), "\(name), \(title)")
      }
    }
  }

  @Test("a message loses what is null, and its reasoning has all names that templates read")
  func prepared() throws {
    let template = try ChatTemplate("{{ messages }}")
    func rendered(_ message: String) throws -> String {
      try template.render(Conversation(json: JSONValue("[\(message)]")), date: ChatFixtures.date)
    }
    #expect(try rendered(#"{"role": "user", "content": null, "x": 1}"#) == "[{'role': 'user', 'x': 1}]")
    #expect(
      try rendered(#"{"role": "assistant", "thinking": "t"}"#)
        == "[{'thinking': 't', 'role': 'assistant', 'reasoning_content': 't'}]")
    #expect(
      try rendered(#"{"role": "a", "reasoning": "r", "thinking": "t", "reasoning_content": null}"#)
        == "[{'thinking': 't', 'role': 'a', 'reasoning': 'r', 'reasoning_content': 't'}]")
  }

  @Test("a template knows tools, documents and special tokens, and variables of the conversation come before these")
  func variables() throws {
    let template = try ChatTemplate(
      "{{ tools }}|{{ documents }}|{{ add_generation_prompt }}|{{ bos_token }}|{{ pad_token is defined }}|{{ level }}",
      specialTokens: ["bos_token": .string("<s>")])
    #expect(try template.render(Conversation(user: "a")) == "None|None|True|<s>|False|")
    let conversation = try Conversation(
      json: JSONValue(
        #"""
        {"messages": [{"role": "user", "content": "a"}], "tools": [{"name": "f"}], "documents": [{"title": "t"}],
        "chat_template_kwargs": {"bos_token": "B", "level": 3}}
        """#))
    #expect(try template.render(conversation) == "[{'name': 'f'}]|[{'title': 't'}]|True|B|False|3")
  }

  @Test(
    "what is no conversation is refused",
    arguments: [
      (#"[]"#, "at least one"), (#"{}"#, "at least one"), (#"3"#, "an array"), (#"[3]"#, "an array of objects"),
      (#"[{"content": "a"}]"#, "role"), (#"[{"role": 1}]"#, "role"),
      (#"{"messages": [{"role": "user"}], "tools": [1]}"#, "tools"),
      (#"{"messages": [{"role": "user"}], "tools": {}}"#, "tools"),
      (#"{"messages": [{"role": "user"}], "chat_template_kwargs": []}"#, "chat_template_kwargs"),
      (#"{"messages": [{"role": "user"}], "chat_template_kwargs": {"tools": 1}}"#, "chat_template_kwargs"),
    ])
  func noConversation(_ text: String, mentions: String) {
    let error = expectProblem(.wrongField) { try Conversation(json: JSONValue(text)) }
    #expect(error?.expected?.contains(mentions) == true)
  }

  @Test("an unknown field of a conversation is an error")
  func unknownField() {
    let text = #"{"messages": [{"role": "user"}], "temperature": 1}"#
    let error = expectProblem(.unknownField) { try Conversation(json: JSONValue(text)) }
    #expect(error?.found == "temperature")
  }

  // MARK: Files

  private static let tokens = JSONValue(#"{"chat_template": "config {{ bos_token }}", "bos_token": "<s>"}"#)

  private func rendered(_ model: ModelDirectory, _ name: String? = nil, forTools: Bool = false) throws -> String {
    try model.chatTemplate(named: name, forTools: forTools).render(Conversation(user: "a"))
  }

  @Test("a model's template is read from its files, as transformers chooses among them")
  func fromDirectory() throws {
    let scratch = TemporaryDirectory()
    let model = try PicoModel().open(in: scratch)
    let file = scratch.path("tokenizer_config.json")
    #expect(expectProblem(.chatTemplateMissing) { try model.chatTemplate() }?.file == file)
    scratch.write("tokenizer_config.json", #"{"chat_template": null}"#)
    #expect(expectProblem(.chatTemplateMissing) { try model.chatTemplate() }?.file == file)
    scratch.write("chat_template.json", #"{"chat_template": "processor"}"#)
    #expect(try rendered(model) == "processor")
    scratch.write("tokenizer_config.json", Self.tokens.bytes)
    #expect(try rendered(model) == "config <s>")
    #expect(
      try model.chatTemplate() == ChatTemplate("config {{ bos_token }}", specialTokens: ["bos_token": .string("<s>")]))
    scratch.write("chat_template.jinja", "file {{ bos_token }}\n")
    #expect(try rendered(model) == "file <s>")
    _ = scratch.makeDirectory("additional_chat_templates")
    scratch.write("additional_chat_templates/rag.jinja", "rag")
    #expect(try rendered(model) == "file <s>")
    #expect(try rendered(model, "rag") == "rag")
    #expect(try ChatTemplates(in: model.path).names == ["default", "rag"])
    let error = expectProblem(.chatTemplateMissing) { try model.chatTemplate(named: "tool_use") }
    #expect(error?.found == "default, rag" && error?.remedy?.contains("--chat-template") == true)
  }

  @Test("of named templates the default is used, and that for tools where there are some")
  func named() throws {
    let scratch = TemporaryDirectory()
    let model = try PicoModel().open(in: scratch)
    func write(_ templates: String) { scratch.write("tokenizer_config.json", #"{"chat_template": \#(templates)}"#) }
    write(
      #"[{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}, {"name": "x", "template": "x"}]"#)
    #expect(try rendered(model) == "d")
    #expect(try rendered(model, forTools: true) == "t")
    #expect(try rendered(model, "x", forTools: true) == "x")
    write(#"[{"name": "default", "template": "d"}, {"name": "default", "template": "e"}]"#)
    #expect(try rendered(model, forTools: true) == "e")
    write(#"{"default": "o", "x": "y"}"#)
    #expect(try rendered(model, "x") == "y")
    write(#"[{"name": "x", "template": "x"}]"#)
    #expect(expectProblem(.chatTemplateMissing) { try model.chatTemplate() }?.found == "x")
    for wrong in ["3", #"[{"name": "x"}]"#, #"{"x": 1}"#, #"["x"]"#] {
      write(wrong)
      #expect(expectProblem(.wrongField) { try model.chatTemplate() }?.file == scratch.path("tokenizer_config.json"))
    }
  }

  @Test("errors of a template name its file and its line")
  func errors() throws {
    let scratch = TemporaryDirectory()
    let model = try PicoModel().open(in: scratch)
    scratch.write("chat_template.jinja", "a\n{% include 'b' %}")
    let error = expectProblem(.chatTemplateUnsupported) { try model.chatTemplate() }
    #expect(error?.file == scratch.path("chat_template.jinja"))
    #expect(error?.found == "line 2: the tag 'include'")
    scratch.write("chat_template.jinja", [0x61, 0xFF])
    #expect(expectProblem(.invalidUTF8) { try model.chatTemplate() }?.file == scratch.path("chat_template.jinja"))
  }

  /// As transformers 5.24 passes them.
  @Test("special tokens are texts, objects, of the model's own names, of an old map, or of the tokenizer's class")
  func specialTokens() throws {
    let scratch = TemporaryDirectory()
    let model = try PicoModel().open(in: scratch)
    scratch.write(
      "chat_template.jinja",
      "{{ [bos_token, eos_token, unk_token, pad_token, image_token, own, add_bos_token]|map('default', '-')|join(' ') }}"
    )
    func tokens(_ configuration: String, map: String? = nil) throws -> String {
      scratch.write("tokenizer_config.json", configuration)
      scratch.write("special_tokens_map.json", map ?? "{}")
      return try rendered(model)
    }
    #expect(try tokens(#"{}"#) == "- - - - - - -")
    #expect(
      try tokens(
        #"""
        {"bos_token": {"__type": "AddedToken", "content": "<b>", "lstrip": false}, "eos_token": "<e>", "pad_token": null,
        "image_token": "<i>", "extra_special_tokens": {"own": "<o>"}, "add_bos_token": true}
        """#) == "<b> <e> - - <i> <o> -")
    let map = #"{"bos_token": {"content": "<m>"}, "unk_token": "<u>"}"#
    #expect(try tokens(#"{"bos_token": "<b>"}"#, map: map) == "<m> - <u> - - - -")
    #expect(try tokens(#"{"bos_token": "<b>", "added_tokens_decoder": {}}"#, map: map) == "<b> - - - - - -")
    #expect(try tokens(#"{"tokenizer_class": "LlamaTokenizerFast", "unk_token": null}"#) == "<s> </s> - - - - -")
    #expect(
      try tokens(#"{"tokenizer_class": "Qwen2Tokenizer"}"#) == "- <|endoftext|> <|endoftext|> <|endoftext|> - - -")
  }
}
