import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("a LoRA adapter is refused")
struct AdapterRefusalTests {
  let scratch = TemporaryDirectory()

  private func adapter(_ name: String = "plain-attention") -> ModelCopy {
    ModelCopy(of: Fixtures.path("adapter/\(name)"), in: scratch, as: "adapter")
  }

  @discardableResult
  private func refuses(
    _ problem: Problem, _ adapter: ModelCopy, base: String = "plain", sourceLocation: SourceLocation = #_sourceLocation
  ) -> HybridizeError? {
    expectProblem(problem, sourceLocation: sourceLocation) {
      try Conversion(
        ConversionRequest(source: Fixtures.path("adapter/\(base)"), keep: .all, adapter: adapter.path)
      ).plan.kept
    }
  }

  @Test(
    "when it is of another kind, by name",
    arguments: [
      ("peft_type", .string("IA3"), "IA3"), ("peft_type", .string("LOHA"), "LOHA"),
      ("peft_type", .string("PROMPT_TUNING"), "PROMPT_TUNING"), ("use_dora", .bool(true), "DoRA"),
      ("use_qalora", .bool(true), "QALoRA"),
      ("layer_replication", .array([.array([.integer(0), .integer(1)])]), "repeated"),
      ("trainable_token_indices", .array([.integer(3)]), "tokens"),
      ("target_parameters", .array([.string("x")]), "modules"),
      ("alora_invocation_tokens", .array([.integer(1)]), "switch"),
      ("init_lora_weights", .string("pissa_niter_4"), "pissa"),
      ("init_lora_weights", .string("olora"), "olora"), ("init_lora_weights", .string("loftq"), "loftq"),
    ] as [(String, JSONValue, String)])
  func kind(_ field: String, _ value: JSONValue, _ word: String) throws {
    let copy = adapter()
    try copy.configure(in: "adapter_config.json") { $0[field] = value }
    let error = refuses(.adapterUnsupported, copy)
    #expect(error?.found?.contains(word) == true)
    #expect(error?.file == copy.file("adapter_config.json"))
    #expect(error?.remedy != nil)
  }

  @Test("for fields that nobody knows, and for values that cannot be")
  func fields() throws {
    let copy = adapter()
    try copy.configure(in: "adapter_config.json") { $0["new_kind_of_lora"] = .null }
    _ = try Conversion(
      ConversionRequest(source: Fixtures.path("adapter/plain"), keep: .all, adapter: copy.path))
    try copy.configure(in: "adapter_config.json") { $0["new_kind_of_lora"] = .bool(true) }
    #expect(refuses(.unknownField, copy)?.found == "new_kind_of_lora")
    for (field, value) in [
      ("r", .integer(0)), ("r", .string("4")), ("lora_alpha", .null), ("lora_alpha", .string("8")),
      ("use_rslora", .integer(1)), ("rank_pattern", .array([.integer(1)])),
      ("rank_pattern", .object(["q_proj": .double(1.5)])), ("alpha_pattern", .object(["q_proj": .string("8")])),
    ] as [(String, JSONValue)] {
      let other = ModelCopy(of: Fixtures.path("adapter/plain-attention"), in: scratch, as: "\(field)-\(value.kind)")
      try other.configure(in: "adapter_config.json") { $0[field] = value }
      #expect(refuses(.wrongField, other)?.file == other.file("adapter_config.json"), "\(field)")
    }
    try copy.configure(in: "adapter_config.json") {
      $0["new_kind_of_lora"] = nil
      $0["alpha_pattern"] = .object(["(?=q)proj": .integer(1)])
    }
    refuses(.adapterPattern, copy)
    try copy.configure(in: "adapter_config.json") {
      $0["alpha_pattern"] = nil
      $0["peft_type"] = nil
    }
    refuses(.missingField, copy)
  }

  @Test("when a tensor of it has no place, by name")
  func tensors() throws {
    func changed(_ name: String, _ change: (inout [ModelCopy.Tensor]) -> Void) throws -> ModelCopy {
      let copy = ModelCopy(of: Fixtures.path("adapter/plain-attention"), in: scratch, as: name)
      try copy.rewriteWeights(in: "adapter_model.safetensors", change)
      return copy
    }
    let prefix = "base_model.model.model.layers.0."
    for name in [
      prefix + "mlp.experts.lora_A.weight", "base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight",
      prefix + "self_attn.q_proj.lora_C.weight", prefix + "self_attn.q_proj.ia3_l", "prompt_embeddings",
    ] {
      let copy = try changed("extra-\(name)") { tensors in
        var other = tensors[0]
        other.name = name
        tensors.append(other)
        if name.hasSuffix("lora_A.weight") {
          other.name = name.replacing("lora_A", with: "lora_B")
          tensors.append(other)
        }
      }
      #expect(refuses(.adapterTensor, copy)?.tensor == name)
    }
    let dora = try changed("dora") { $0[0].name = prefix + "self_attn.q_proj.lora_magnitude_vector" }
    #expect(refuses(.adapterUnsupported, dora)?.found == "DoRA")
    let half = try changed("half") { tensors in
      tensors.removeAll { $0.name == prefix + "self_attn.q_proj.lora_B.weight" }
    }
    #expect(refuses(.adapterTensor, half)?.tensor == prefix + "self_attn.q_proj.lora_A.weight")
    let none = try changed("none") { $0 = [] }
    refuses(.adapterTensor, none)
    let shape = try changed("shape") { tensors in
      let index = tensors.firstIndex { $0.name.hasSuffix("q_proj.lora_B.weight") }!
      tensors[index].shape = Shape(tensors[index].shape.dimensions.reversed())
    }
    #expect(refuses(.wrongShape, shape)?.tensor?.hasSuffix("q_proj.lora_B.weight") == true)
    let rank = adapter()
    try rank.configure(in: "adapter_config.json") { $0["r"] = .integer(5) }
    refuses(.wrongShape, rank)
  }

  @Test("when it would make two of a tied embedding, and merged where it leaves one")
  func ties() throws {
    let copy = adapter("tied-embedding")
    func setWhole(_ names: [String], differing: Bool = false) throws {
      try copy.rewriteWeights(in: "adapter_model.safetensors") { tensors in
        let whole = tensors.first { $0.shape == [40, 16] }!
        tensors.removeAll { $0.shape == [40, 16] || $0.name.contains("embed") }
        for (index, name) in names.enumerated() {
          var tensor = whole
          tensor.name = "base_model.model.\(name).weight"
          if differing, index == 1 { tensor.bytes[0] ^= 1 }
          tensors.append(tensor)
        }
      }
    }
    try copy.configure(in: "adapter_config.json") {
      $0["modules_to_save"] = .array([.string("embed_tokens"), .string("lm_head")])
      $0["target_modules"] = .array([.string("up_proj")])
    }
    try setWhole(["model.embed_tokens"])
    #expect(refuses(.adapterUnties, copy, base: "tied")?.found?.contains("embed_tokens") == true)
    try setWhole(["lm_head"])
    refuses(.adapterUnties, copy, base: "tied")
    try setWhole(["model.embed_tokens", "lm_head"], differing: true)
    refuses(.adapterUnties, copy, base: "tied")
    try setWhole(["model.embed_tokens", "lm_head"])
    let both = try Conversion(
      ConversionRequest(source: Fixtures.path("adapter/tied"), keep: .all, adapter: copy.path))
    #expect(both.adapter?.replaced == ["model.embed_tokens.weight"])
    try setWhole(["model.embed_tokens"])
    try copy.configure(in: "adapter_config.json") { $0["ensure_weight_tying"] = .bool(true) }
    _ = try Conversion(ConversionRequest(source: Fixtures.path("adapter/tied"), keep: .all, adapter: copy.path))
  }

  @Test("for a model in float8, and for what is no adapter's directory")
  func others() throws {
    let base = ModelCopy(of: Fixtures.path("adapter/plain"), in: scratch, as: "float8")
    try base.rewriteWeights { tensors in
      for index in tensors.indices where tensors[index].name.hasSuffix("q_proj.weight") {
        tensors[index].elementType = .float8E4M3
        tensors[index].bytes = Array(tensors[index].bytes.prefix(tensors[index].bytes.count / 4))
      }
    }
    let error = expectProblem(.adapterBaseType) {
      try Conversion(
        ConversionRequest(source: base.path, keep: .all, adapter: Fixtures.path("adapter/plain-attention"))
      ).plan.kept
    }
    #expect(error?.remedy?.contains("--dtype BF16") == true)
    #expect(
      expectProblem(.unreadable) {
        try Conversion(
          ConversionRequest(
            source: Fixtures.path("adapter/plain"), keep: .all, adapter: Fixtures.path("adapter/plain"))
        ).plan.kept
      }?.file == Fixtures.path("adapter/plain/adapter_config.json"))
  }

  /// Values by Python: `bool(re.match(rf"(.*\\.)?({pattern})$", name))`.
  @Test(
    "or its patterns match as Python's do",
    arguments: [
      ("q_proj", "model.layers.0.self_attn.q_proj", true), ("q_proj", "q_proj", true),
      ("q_proj", "model.layers.0.self_attn.eq_proj", false), ("proj", "model.q_proj", false),
      ("self_attn.q_proj", "model.layers.0.self_attn.q_proj", true),
      ("self_attn.q_proj", "model.selfXattn-q_proj", false),
      ("self.attn.q_proj", "model.self_attn.q_proj", true), ("layers.1.mlp", "model.layers.11.mlp", false),
      (#"model\.layers\.[0-9]+\.mlp"#, "model.layers.12.mlp", true), (#"layers\.[^0-4]\.x"#, "layers.5.x", true),
      (#"layers\.[^0-4]\.x"#, "layers.4.x", false), ("^model.layers", "model.layers", true),
      ("^layers", "model.layers", false), ("(k|v)_proj", "a.v_proj", true), ("(k|v)_proj", "a.q_proj", false),
      (".*_proj", "a.b.up_proj", true), ("a|b", "x.b", true), (#"l\.\d{1,2}\.x"#, "l.12.x", true),
      (#"l\.\d{1,2}\.x"#, "l.123.x", false), ("(?:ab)+?c", "ababc", true), ("(a*)*b", "aaaab", true),
      ("q_proj$", "m.q_proj", true), ("[a-c-]x", "-x", true), (#"\w+"#, "m.a_1", true), ("", "m.", true),
      ("", "m", false),
      (#"layers\.([0-9]|1[0-5])\..*"#, "model.layers.13.mlp.up_proj", true),
    ])
  func patterns(_ pattern: String, _ name: String, _ expected: Bool) throws {
    var budget = 100_000
    #expect(try ModulePattern(pattern).matches(name, &budget) == expected)
    #expect(budget < 100_000)
  }

  @Test(
    "or its patterns are, where they cannot be read or never end",
    arguments: [
      "(a", "a)", "[a", "a**", "*a", "(?=a)", #"\1"#, "a{2", "a{1000}", "a{3,2}", "\\",
      String(repeating: "(", count: 40),
    ])
  func badPatterns(_ pattern: String) {
    expectProblem(.adapterPattern) { try ModulePattern(pattern) }
  }

  @Test("or its patterns run out of steps")
  func slowPatterns() throws {
    let slow = try ModulePattern(
      String(repeating: "(", count: 20) + "a?" + String(repeating: "){100}", count: 20) + "b")
    var budget = 1_000_000
    expectProblem(.adapterPattern) {
      _ = try slow.matches(String(repeating: "a", count: 2000), &budget)
      _ = try slow.matches(String(repeating: "a", count: 4000), &budget)
    }
  }
}
