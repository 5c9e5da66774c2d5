import HybridizeCore
import HybridizeFormats
import TestSupport

/// Files that are not what they should be, and outputs that cannot be written.
extension BadInput {
  private static func logits(_ model: String, _ scratch: TemporaryDirectory) -> [String] {
    ["logits", model, "--ids", "1,2", "--out", scratch.path("out")]
  }

  private static func verify(text: String) -> [String] {
    ["verify", Fixtures.model, Fixtures.hybrid, "--text", text, "--length", "8"]
  }

  static let texts = [
    BadInput("verify on a text that is not there", status: 3, ["nowhere.txt", "No such file"]) {
      verify(text: $0.path("nowhere.txt"))
    },
    BadInput("verify on a text that is too short", status: 3, ["short.txt", "one document of 8 tokens", "longer"]) {
      verify(text: $0.write("short.txt", "One day"))
    },
    BadInput("verify on a text that is not UTF-8", status: 3, ["bytes.txt"]) {
      verify(text: $0.write("bytes.txt", [0x61, 0xFF, 0xFE]))
    },
    BadInput("verify on a line that is no document", status: 3, ["lines.jsonl, line 3", "\"text\""]) {
      verify(text: $0.write("lines.jsonl", "{\"text\": \"a\"}\n\n{\"words\": \"b\"}\n"))
    },
    BadInput("verify on a text under another key", status: 3, ["a.jsonl, line 1", "\"body\"", "--text-key body"]) {
      verify(text: $0.write("a.jsonl", "{\"body\": \"b\"}\n"))
    },
    BadInput("eval on Parquet", status: 3, ["a.parquet", "read_parquet", "lines=True"]) {
      [
        "eval", Fixtures.model, "--teacher", Fixtures.model, "--text", $0.write("a.parquet", "PAR1"), "--length", "8",
      ]
    },
    BadInput("select on a folder without texts", status: 3, ["empty", "no text is there", ".jsonl"]) {
      ["select", Fixtures.model, "--keep", "2", "--text", $0.makeDirectory("empty")]
    },
    BadInput("verify beyond the context", status: 2, ["length: at most 2048", "3000"]) { _ in
      ["verify", Fixtures.model, Fixtures.hybrid, "--text", Fixtures.text, "--length", "3000"]
    },
    BadInput("eval beyond the context", status: 2, ["length: at most 2048", "2049"]) { _ in
      ["eval", Fixtures.hybrid, "--teacher", Fixtures.model, "--text", Fixtures.text, "--length", "2049"]
    },
    BadInput("distill on too little text", status: 2, ["short.txt", "at least 512 tokens", "--length"]) {
      [
        "distill", Fixtures.model, Fixtures.hybrid, $0.path("out"), "--stage", "match", "--tokens", "64", "--text",
        $0.write("short.txt", "Once upon a time"),
      ]
    },
    BadInput("distill on a text that is not there", status: 3, ["nowhere.txt", "No such file"]) {
      [
        "distill", Fixtures.model, Fixtures.hybrid, $0.path("out"), "--stage", "match", "--tokens", "64", "--text",
        $0.path("nowhere.txt"),
      ]
    },
    BadInput("select on a text that is not there", status: 3, ["nowhere.txt", "No such file"]) {
      ["select", Fixtures.model, "--keep", "2", "--text", $0.path("nowhere.txt")]
    },
    BadInput("tokenize a text that is not UTF-8", status: 3, ["bytes.txt"]) {
      ["tokenize", Fixtures.model, "--text", $0.write("bytes.txt", [0x61, 0xFF, 0xFE])]
    },
    BadInput("no tokenizer to generate with", status: 3, ["tokenizer.json", "save_pretrained"]) { scratch in
      let model = ModelCopy(in: scratch)
      model.remove("tokenizer.json")
      return ["generate", model.path, "--prompt", "a"]
    },
    BadInput("no tokenizer to tokenize with", status: 3, ["tokenizer.json", "save_pretrained"]) { scratch in
      let model = ModelCopy(in: scratch)
      model.remove("tokenizer.json")
      return ["tokenize", model.path, "--prompt", "a"]
    },
    BadInput("a tokenizer that is cut off", status: 3, ["tokenizer.json"]) { scratch in
      let model = ModelCopy(in: scratch)
      try model.replace("tokenizer.json", #"{"model": {"type": "BPE""#)
      return ["tokenize", model.path, "--prompt", "a"]
    },
    BadInput("a chat with a model that has no template", status: 3, ["chat template", "leave --chat out"]) { _ in
      ["generate", Fixtures.model, "--prompt", "a", "--chat"]
    },
    chat("that is no Jinja", ["chat_template.jinja", "not valid", "line 2"], "a\n{% if %}", "a"),
    chat(
      "with what is not computed", ["chat_template.jinja", "not computed", "line 1: the tag 'include'"],
      "{% include 'b' %}", "a"),
    chat(
      "that refuses the chat", ["refuses this conversation", "line 1: No hellos!"],
      "{{ raise_exception('No hellos!') }}", "hello"),
    chat(
      "that never ends", ["more than is allowed", "steps"],
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "a"),
    messages("that are none", ["talk.json", "messages: at least one"], "[]"),
    messages("without roles", ["talk.json", "message 1 without one"], #"[{"content": "a"}]"#),
    messages(
      "with what nobody reads", ["talk.json", "temperature"],
      #"{"messages": [{"role": "user", "content": "a"}], "temperature": 1}"#),
    messages("that are no JSON", ["talk.json", "not valid JSON"], "hello"),
  ]

  /// A chat by this template.
  private static func chat(_ description: String, _ mentions: [String], _ template: String, _ prompt: String)
    -> BadInput
  {
    BadInput("a chat template \(description)", status: 3, mentions) { scratch in
      let model = ModelCopy(in: scratch)
      try model.replace("chat_template.jinja", template)
      return ["generate", model.path, "--prompt", prompt, "--chat"]
    }
  }

  /// A file for --messages.
  private static func messages(_ description: String, _ mentions: [String], _ text: String) -> BadInput {
    BadInput("messages \(description)", status: 3, mentions) { scratch in
      ["generate", Fixtures.model, "--messages", scratch.write("talk.json", text)]
    }
  }

  /// A config.json with one change, looked at by a command that needs it.
  private static func configuration(
    _ description: String, _ mentions: [String], of source: String = Fixtures.model,
    _ change: @escaping @Sendable (inout JSONObject) -> Void
  ) -> BadInput {
    BadInput("config.json \(description)", status: 3, ["config.json"] + mentions) { scratch in
      let model = ModelCopy(of: source, in: scratch)
      try model.configure(change)
      return convertCommand(model.path, scratch)
    }
  }

  private static func convertCommand(_ model: String, _ scratch: TemporaryDirectory) -> [String] {
    ["convert", model, scratch.path("out"), "--keep", "0,6"]
  }

  static let configurations = [
    configuration("without a size", ["wrong shape", "[32000,"]) { $0["vocab_size"] = nil },
    configuration("with a size in words", ["hidden_size", "many"]) { $0["hidden_size"] = .string("many") },
    configuration("with heads that do not divide", ["num_key_value_heads: 3", "divisor of 4"]) {
      $0["num_key_value_heads"] = .integer(3)
    },
    configuration("with a field that nobody knows", ["tone: 1", "--ignore-field tone"]) { $0["tone"] = .integer(1) },
    configuration("with something that is not computed", ["alibi: true", "by any other means than rotation"]) {
      $0["alibi"] = .bool(true)
    },
    configuration("with a field of megabytes", ["bytes in all"]) {
      $0["tone"] = .string(String(repeating: "x", count: 5_000_000))
    },
    configuration("of another architecture", ["model_type mamba", "llama", "mistral", "qwen2"]) {
      $0["model_type"] = .string("mamba")
    },
    configuration("of no architecture", ["no model_type", "llama"]) { $0["model_type"] = nil },
    configuration("with a mixer that nobody knows", ["retention", "gated-deltanet"], of: Fixtures.hybrid) { object in
      let layers = (0..<8).map { _ in JSONValue.object(["mixer": .string("retention")]) }
      var description = object["hybridize"]?.objectValue ?? [:]
      description["layers"] = .array(layers)
      object["hybridize"] = .object(description)
    },
    configuration("with too few layers described", ["8 layers", "7"], of: Fixtures.hybrid) { object in
      var description = object["hybridize"]?.objectValue ?? [:]
      description["layers"] = .array((description["layers"]?.arrayValue ?? []).dropLast())
      object["hybridize"] = .object(description)
    },
    BadInput("config.json that is no JSON", status: 3, ["config.json", "not valid JSON"]) { scratch in
      let model = ModelCopy(in: scratch)
      try model.replace("config.json", "{model_type: llama}")
      return convertCommand(model.path, scratch)
    },
    BadInput("weights without a config.json", status: 3, ["config.json", "no such file", "whole model"]) { scratch in
      let model = ModelCopy(in: scratch)
      model.remove("config.json")
      return convertCommand(model.path, scratch)
    },
  ]

  /// Weights with one change, looked at by a command that reads them.
  private static func weights(
    _ description: String, _ mentions: [String], _ change: @escaping @Sendable (inout [ModelCopy.Tensor]) -> Void
  ) -> BadInput {
    BadInput("weights \(description)", status: 3, mentions) { scratch in
      let model = ModelCopy(in: scratch)
      try model.rewriteWeights(change)
      return convertCommand(model.path, scratch)
    }
  }

  private static let upward = "model.layers.3.mlp.up_proj.weight"

  static let weights = [
    weights("without a tensor", [upward, "[512, 256]", "download is not complete"]) { tensors in
      tensors.removeAll { $0.name == upward }
    },
    weights("with a tensor of another shape", ["model.safetensors", upward, "[512, 256]", "[256, 512]"]) { tensors in
      for index in tensors.indices where tensors[index].name == upward { tensors[index].shape = [256, 512] }
    },
    weights("with a tensor too many", ["model.safetensors", "lora.weight", "llama"]) { tensors in
      tensors.append(ModelCopy.Tensor(name: "lora.weight", elementType: .float32, shape: [1], bytes: [0, 0, 0, 0]))
    },
    BadInput(
      "weights of a type that is not computed with", status: 3, ["model.safetensors", "model.norm.weight", "I16"]
    ) { scratch in
      let model = ModelCopy(in: scratch)
      try model.rewriteWeights { tensors in
        for index in tensors.indices where tensors[index].name == "model.norm.weight" {
          tensors[index].elementType = .int16
        }
      }
      return logits(model.path, scratch)
    },
    BadInput(
      "a head that contradicts the tied one", status: 3, ["model.safetensors", "lm_head.weight", "tie_word_embeddings"]
    ) { scratch in
      let model = ModelCopy(in: scratch)
      try model.addHead(differing: true)
      return convertCommand(model.path, scratch)
    },
    BadInput("weights that are cut off", status: 3, ["model.safetensors", "bytes"]) { scratch in
      let model = ModelCopy(in: scratch)
      let whole = try FileSystem.read(model.file("model.safetensors"), limit: 1 << 30)
      try model.replace("model.safetensors", Array(whole.dropLast(100)))
      return convertCommand(model.path, scratch)
    },
    BadInput("weights that are empty", status: 3, ["model.safetensors", "too short"]) { scratch in
      let model = ModelCopy(in: scratch)
      try model.replace("model.safetensors", [])
      return ["inspect", model.path]
    },
    BadInput("no weights at all", status: 3, ["model", "safetensors"]) { scratch in
      let model = ModelCopy(in: scratch)
      model.remove("model.safetensors")
      return ["inspect", model.path]
    },
    BadInput("models with different vocabularies", status: 3, ["different vocabularies", "4096", "4095"]) { scratch in
      let model = ModelCopy(in: scratch)
      try model.configure { $0["vocab_size"] = .integer(4095) }
      try model.rewriteWeights { tensors in
        for index in tensors.indices where tensors[index].name == "model.embed_tokens.weight" {
          tensors[index].shape = [4095, 256]
          tensors[index].bytes.removeLast(512)
        }
      }
      return ["verify", Fixtures.model, model.path, "--text", Fixtures.text, "--length", "8", "--documents", "1"]
    },
  ]

  /// Commands on a model that is not there.
  static let missing = [
    ["inspect", "MODEL"], ["inspect", "MODEL/model.safetensors"], ["convert", "MODEL", "OUT", "--keep", "0"],
    ["convert", Fixtures.model, "OUT", "--keep", "0", "--mixers-from", "MODEL"], ["verify", "MODEL", Fixtures.hybrid],
    ["verify", Fixtures.model, "MODEL"], ["bench", Fixtures.model, "MODEL"], ["generate", "MODEL", "--prompt", "a"],
    ["tokenize", "MODEL", "--prompt", "a"], ["logits", "MODEL", "--ids", "1", "--out", "OUT"],
    ["demo", "--model", "MODEL"],
  ].map { arguments in
    BadInput("no model: \(arguments.joined(separator: " "))", status: 3, ["nowhere", "no such file"]) { scratch in
      arguments.map { argument in
        argument == "OUT"
          ? scratch.path("out")
          : argument.hasPrefix("MODEL") ? scratch.path("nowhere") + argument.dropFirst("MODEL".count) : argument
      }
    }
  }

  static let outputs = [
    BadInput("convert into a directory that exists", status: 4, ["out", "exists already", "another path"]) {
      ["convert", Fixtures.model, $0.makeDirectory("out"), "--keep", "0"]
    },
    BadInput("convert onto a file", status: 4, ["out", "exists already", "another path"]) {
      ["convert", Fixtures.model, $0.write("out", "mine"), "--keep", "0"]
    },
    BadInput("convert below a directory that is not there", status: 4, ["no/out", "make the directory"]) {
      ["convert", Fixtures.model, $0.path("no/out"), "--keep", "0"]
    },
    BadInput("convert below a file", status: 4, ["file/out", "Not a directory"]) {
      ["convert", Fixtures.model, $0.write("file", "mine") + "/out", "--keep", "0"]
    },
    BadInput("logits into a file that exists", status: 4, ["out", "exists already"]) {
      ["logits", Fixtures.model, "--ids", "1", "--out", $0.write("out", "mine")]
    },
    BadInput("logits below a directory that is not there", status: 4, ["no/out", "make the directory"]) {
      ["logits", Fixtures.model, "--ids", "1", "--out", $0.path("no/out")]
    },
  ]
}
