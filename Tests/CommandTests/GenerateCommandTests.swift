import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("generate on the command line")
struct GenerateCommandTests {
  private func generate(_ prompt: String, _ options: String...) async throws -> JSONObject {
    let outcome = try await Program().run(
      ["generate", Fixtures.model, "--prompt", prompt, "--tokens", "24", "--json", "--quiet"] + options)
    #expect(outcome.status == 0, "\(outcome.error)")
    return try outcome.json()
  }

  @Test("the most likely tokens are the same every time, on any number of threads", arguments: ["1", "2", "3"])
  func greedy(_ threads: String) async throws {
    let first = try await generate("One day, a little", "--threads", "1")
    let second = try await generate("One day, a little", "--threads", threads)
    #expect(first["tokens"] == second["tokens"])
    #expect(first["tokens"]?.arrayValue?.count == 24)
    #expect(first["stop"]?.stringValue == "length")
  }

  @Test("a seed draws the same text again, another seed another text")
  func seeds() async throws {
    func draw(_ seed: String) async throws -> JSONValue? {
      try await generate("One day, a little", "--temperature", "1", "--seed", seed)["tokens"]
    }
    let first = try await draw("1")
    #expect(try await draw("1") == first)
    #expect(try await draw("2") != first)
  }

  @Test("filters that leave one token draw what is most likely", arguments: ["--top-k=1", "--top-p=1e-9", "--min-p=1"])
  func filters(_ filter: String) async throws {
    let greedy = try await generate("One day, a little")
    let drawn = try await generate("One day, a little", "--temperature", "1", "--seed", "9", filter)
    #expect(drawn["tokens"] == greedy["tokens"])
  }

  @Test("what streams is the prompt and the text of the JSON", arguments: ["One day", "The café — naïve 日本 😀", "e"])
  func streaming(_ prompt: String) async throws {
    let options = ["--temperature", "1.5", "--seed", "4"]
    let text = try #require(try await generate(prompt, "--temperature", "1.5", "--seed", "4")["text"]?.stringValue)
    let streamed = try await Program().run(
      ["generate", Fixtures.model, "--prompt", prompt, "--tokens", "24", "--quiet"] + options)
    #expect(streamed.output == Array((prompt + text + "\n").utf8))
  }

  @Test("a prompt goes on from its cache; a file of another kind is refused and kept")
  func promptCache() async throws {
    let scratch = TemporaryDirectory()
    let cache = scratch.path("prompt.state")
    let plain = try await generate("One day, a little girl went to the park")
    for isFirst in [true, false] {
      let cached = try await generate("One day, a little girl went to the park", "--prompt-cache", cache)
      #expect(cached["tokens"] == plain["tokens"])
      #expect((cached["prompt_tokens_cached"]?.integerValue == 0) == isFirst)
    }
    let other = try await Program().run(
      "generate", Fixtures.hybrid, "--prompt", "One day", "--prompt-cache", cache, "--quiet")
    #expect(other.status == 3 && other.error.contains("fingerprint") && other.error.contains(cache))
    scratch.write("notes.txt", Array("notes".utf8))
    let notes = try await Program().run(
      "generate", Fixtures.model, "--prompt", "One day", "--prompt-cache", scratch.path("notes.txt"), "--quiet")
    #expect(notes.status == 3)
    #expect(try FileSystem.read(scratch.path("notes.txt"), limit: 100) == Array("notes".utf8))
  }

  @Test("quantised weights and a bfloat16 cache are asked for by name", arguments: ["q8_0", "q4_0"])
  func loading(_ type: String) async throws {
    let outcome = try await Program().run(
      "generate", Fixtures.model, "--prompt", "One day", "--tokens", "3", "--quantize", type, "--kv-dtype", "bf16")
    #expect(outcome.status == 0 && outcome.error.contains("\(type): ") && outcome.error.contains("relative error"))
    let wrong = try await Program().run("generate", Fixtures.model, "--prompt", "One day", "--quantize", "q5_0")
    #expect(wrong.status == 2)
  }

  @Test("characters of several tokens come out whole", arguments: ["日本日本日本日", "😀😀😀😀😀😀😀"])
  func wholeCharacters(_ prompt: String) async throws {
    let outcome = try await Program().run(
      "generate", Fixtures.model, "--prompt", prompt, "--tokens", "12", "--quiet")
    #expect(String(validating: outcome.output, as: UTF8.self) != nil)
    #expect(outcome.text.hasPrefix(prompt))
  }

  private static let template = """
    {%- for m in messages %}{{ '[' ~ m.role ~ '] ' ~ m.content ~ eos_token }}
    {% endfor %}{{ '(' ~ tools|length ~ ')' if tools }}{% if add_generation_prompt %}[assistant]{% endif %}
    """

  /// The tokens with these options, and those of the prompt that they stand for.
  private func chat(
    _ options: [String], rendered: String, in scratch: TemporaryDirectory
  ) async throws -> (chat: JSONValue?, plain: JSONValue?) {
    let model = ModelCopy(in: scratch)
    try model.replace(
      "tokenizer_config.json",
      """
      {"chat_template": [{"name": "default", "template": \(JSONWriter.quoted(Self.template))},
      {"name": "other", "template": "other"}], "eos_token": "<|endoftext|>"}
      """)
    func tokens(_ options: [String]) async throws -> JSONValue? {
      let outcome = try await Program().run(["generate", model.path, "--tokens", "6", "--json", "--quiet"] + options)
      #expect(outcome.status == 0, "\(outcome.error)")
      return try outcome.json()["tokens"]
    }
    return (try await tokens(options), try await tokens(["--prompt", rendered, "--no-special-tokens"]))
  }

  @Test(
    "a chat is the text that the model's template makes of it",
    arguments: [
      (["--chat", "--prompt", "Hi"], "[user] Hi<|endoftext|>\n[assistant]"),
      (
        ["--chat", "--prompt", "Hi", "--system", "Be kind."],
        "[system] Be kind.<|endoftext|>\n[user] Hi<|endoftext|>\n[assistant]"
      ),
      (["--messages", "TALK"], "[user] One?<|endoftext|>\n[assistant] Two.<|endoftext|>\n(1)[assistant]"),
      (
        ["--messages", "TALK", "--system", "S", "--prompt", "Three?"],
        "[system] S<|endoftext|>\n[user] One?<|endoftext|>\n[assistant] Two.<|endoftext|>\n[user] Three?<|endoftext|>\n(1)[assistant]"
      ),
      (["--chat", "--prompt", "Hi", "--chat-template", "other"], "other"),
    ])
  func chats(_ options: [String], rendered: String) async throws {
    let scratch = TemporaryDirectory()
    let talk = scratch.write(
      "talk.json",
      #"{"messages": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "Two."}], "tools": [{}]}"#)
    let tokens = try await chat(options.map { $0 == "TALK" ? talk : $0 }, rendered: rendered, in: scratch)
    #expect(tokens.chat == tokens.plain && tokens.chat?.arrayValue?.isEmpty == false)
  }

  @Test("a second system message is refused")
  func secondSystem() async throws {
    let scratch = TemporaryDirectory()
    let talk = scratch.write("talk.json", #"[{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]"#)
    let outcome = try await Program().run("generate", Fixtures.model, "--messages", talk, "--system", "c")
    #expect(outcome.status == 2 && outcome.error.contains("leave --system out") && outcome.error.contains(talk))
  }

  @Test("the end token ends the text")
  func endToken() async throws {
    let scratch = TemporaryDirectory()
    let all = try #require(try await generate("One day, a little")["tokens"]?.arrayValue)
    let end = try #require(all.first { $0 != all[0] })
    let count = try #require(all.firstIndex(of: end))
    let model = ModelCopy(in: scratch)
    try model.configure { $0["eos_token_id"] = .array([.integer(4095), end]) }
    let outcome = try await Program().run(
      "generate", model.path, "--prompt", "One day, a little", "--tokens", "24", "--json")
    let report = try outcome.json()
    #expect(report["stop"]?.stringValue == "end")
    #expect(report["tokens"] == .array(Array(all[..<count])))
  }

  @Test("tokens are the ids of the text, and nothing is added")
  func tokenize() async throws {
    let scratch = TemporaryDirectory()
    let text = "One day,\na little café 😀"
    let fromPrompt = try await Program().run("tokenize", Fixtures.model, "--prompt", text, "--json").json()
    let fromFile = try await Program().run(
      "tokenize", Fixtures.model + "/tokenizer.json", "--text", scratch.write("text", text), "--json"
    ).json()
    #expect(fromPrompt["ids"] == fromFile["ids"])
    let plain = try await Program().run("tokenize", Fixtures.model, "--prompt", text)
    let ids = (fromPrompt["ids"]?.arrayValue ?? []).compactMap(\.integerValue)
    #expect(!ids.isEmpty && !ids.contains(0))
    #expect(plain.text == ids.map { String($0) }.joined(separator: " ") + "\n")
    let empty = try await Program().run("tokenize", Fixtures.model, "--prompt", "", "--json").json()
    #expect(empty["ids"] == .array([]))
  }
}
