import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("fields of config.json beyond the sizes")
struct ConfigurationFieldsTests {
  private func read(
    _ name: String, _ value: JSONValue, _ architecture: Architecture = .llama, ignoring: Set<String> = []
  ) throws -> ModelConfiguration {
    var config = try PicoModel(architecture).config
    config[name] = value
    return try ModelConfiguration(json: config.objectValue!, catalog: Catalog(ignoredFields: ignoring))
  }

  /// Of transformers' base classes, tokens, generation, training tools, and other families' classes.
  static let harmless = [
    #""_attn_implementation": "sdpa""#, #""attn_implementation": "flash_attention_2""#, #""_commit_hash": "0123""#,
    #""_name_or_path": "/data/run""#, #""torchscript": false"#, #""pruned_heads": {}"#, #""use_bfloat16": false"#,
    #""chunk_size_feed_forward": 0"#, #""cross_attention_hidden_size": null"#, #""finetuning_task": "x""#,
    #""tf_legacy_loss": false"#, #""prefix": "x""#, #""tie_encoder_decoder": false"#, #""return_dict": true"#,
    #""id2label": {"0": "A"}"#, #""eos_token": "</s>""#, #""pad_token": "<unk>""#, #""sep_token_id": 4"#,
    #""image_token_id": 7"#, #""decoder_start_token_id": 1"#, #""additional_special_tokens": ["<x>"]"#,
    #""max_length": 4096"#, #""max_new_tokens": 5"#, #""temperature": 0.6"#, #""top_k": 50"#, #""do_sample": true"#,
    #""bad_words_ids": [[5]]"#, #""badwordsids": [[5]]"#, #""suppress_tokens": [1]"#,
    #""forced_decoder_ids": [[1, 2]]"#, #""no_repeat_ngram_size": 0"#, #""cache_implementation": "static""#,
    #""attention_dropout": 0.1"#, #""resid_pdrop": 0.1"#, #""classifier_dropout": 0.1"#,
    #""unsloth_fixed": true"#, #""unsloth_version": "2025.3""#, #""axolotl_config": {"a": 1}"#,
    #""max_sequence_length": 2048"#, #""max_seq_len": 2048"#, #""seq_length": 2048"#, #""model_max_length": 2048"#,
    #""transformers.js_config": {"dtype": "q4"}"#, #""group_size_ratio": 0.25"#, #""neftune_noise_alpha": 5"#,
    #""use_flash_attn": true"#, #""gradient_checkpointing": false"#, #""pretraining_tp": 4"#, #""mlp_bias": true"#,
    #""attention_bias": true"#, #""max_window_layers": 1"#, #""num_nextn_predict_layers": 1"#,
    #""use_sliding_window": false"#, #""auto_map": {"AutoConfig": "x.Y"}"#, #""quantization_config": null"#,
    #""quantization_config": {}"#, #""anything": null"#, #""num_experts": 0"#, #""alibi": false"#,
    #""quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": false, "load_in_8bit": false}"#,
    #""logit_scale": 1.0"#, #""use_qk_norm": false"#, #""no_rope_layers": []"#, #""position_embedding_type": "rope""#,
    #""use_mrope": false"#, #""is_causal": true"#, #""activation": "swiglu""#, #""sequence_parallel_enabled": false"#,
    #""embd_pdrop": NaN"#, #""task_specific_params": {"limits": [0.0, Infinity, -Infinity]}"#,
  ]

  @Test("what changes nothing is accepted in every family that does not read it", arguments: harmless)
  func accepted(_ member: String) throws {
    let field = try #require(JSONValue(python: "{\(member)}").objectValue?.members.first)
    // Where the class reads it, it is not what this is about.
    let isBias = ["mlp_bias", "attention_bias"].contains(field.key)
    for architecture in isBias ? [.mistral, .qwen2] : Architecture.all {
      let model = try read(field.key, field.value, architecture)
      #expect(!model.feedForwardBias && !model.outputBias && model.ignoredFields == [])
    }
  }

  /// What is missing, in a word.
  static let uncomputed = [
    (#""quantization_config": {"quant_method": "gptq", "bits": 4}"#, "quantised weights are not read"),
    (#""quantization_config": {"load_in_4bit": true, "load_in_8bit": false}"#, "quantised weights are not read"),
    (#""quantization": {"group_size": 64, "bits": 4}"#, "quantised weights are not read"),
    (#""num_experts": 8"#, "experts"), (#""num_local_experts": 8"#, "experts"),
    (#""moe_intermediate_size": 64"#, "experts"),
    (#""attn_logit_softcapping": 50.0"#, "soft caps"), (#""final_logit_softcapping": 30.0"#, "soft caps"),
    (#""embedding_multiplier": 12.0"#, "multipliers"), (#""logit_scale": 0.5"#, "multipliers"),
    (#""residual_multiplier": 0.2"#, "multipliers"), (#""query_pre_attn_scalar": 256"#, "multipliers"),
    (#""alibi": true"#, "rotation"), (#""position_embedding_type": "alibi""#, "rotation"),
    (#""no_rope_layers": [1, 0]"#, "without rotation"), (#""qk_norm": true"#, "query and key"),
    (#""clip_qkv": 8.0"#, "query and key"), (#""parallel_attn": true"#, "another order"),
    (#""kv_lora_rank": 512"#, "latent"), (#""attention_chunk_size": 8192"#, "window"),
    (#""is_causal": false"#, "later tokens"), (#""use_mrope": true"#, "several axes"),
    (#""draft_vocab_size": 32000"#, "draft head"),
    (#""per_layer_config": {"0": {"intermediate_size": 8}}"#, "differ in size"),
  ]

  @Test("what is not computed is refused, says what is missing, and no flag lets it pass", arguments: uncomputed)
  func refused(_ member: String, _ missing: String) throws {
    let field = try #require(JSONValue("{\(member)}").objectValue?.members.first)
    for ignoring in [[], [field.key]] as [Set<String>] {
      let error = expectProblem(.uncomputedField) { try read(field.key, field.value, ignoring: ignoring) }
      #expect(error?.expected?.contains(missing) == true && error?.found?.hasPrefix(field.key + ": ") == true)
      #expect(error?.remedy?.contains("--ignore-field") != true)
    }
  }

  @Test("an unknown field is refused unless it is ignored by name", arguments: [#""x""#, "0", "false", "[]", "{}"])
  func unknown(_ json: String) throws {
    let error = expectProblem(.unknownField) { try read("tone", JSONValue(json)) }
    #expect(error?.remedy?.contains("--ignore-field tone") == true)
    expectProblem(.unknownField) { try read("tone", JSONValue(json), ignoring: ["colour"]) }
    let model = try read("tone", JSONValue(json), ignoring: ["tone", "colour"])
    #expect(model.ignoredFields == ["tone"])
  }

  @Test("fields that are computed are read whatever is ignored")
  func ignoredComputed() throws {
    #expect(try read("hidden_size", .integer(32), ignoring: ["hidden_size"]).hiddenSize == 32)
    expectProblem(.wrongField) { try read("hidden_act", .string("gelu"), ignoring: ["hidden_act"]) }
  }

  @Test("numbers that are none are errors in fields that are computed", arguments: ["NaN", "Infinity", "-Infinity"])
  func nonFinite(_ json: String) {
    for field in ["rms_norm_eps", "hidden_size", "rope_theta", "num_hidden_layers"] {
      let error = expectProblem(.wrongField) { try read(field, JSONValue(python: json)) }
      #expect(error?.found == "\(field): \(json)")
    }
  }

  static let families = [
    (#"{"model_type": "gemma2"}"#, "soft caps"), (#"{"model_type": "phi3"}"#, "one tensor"),
    (#"{"model_type": "gpt2"}"#, "LayerNorm"), (#"{"model_type": "mixtral"}"#, "mixtures of experts"),
    (#"{"model_type": "granite"}"#, "multipliers"), (#"{"model_type": "olmo2"}"#, "norms after the branches"),
    (#"{"model_type": "new_moe"}"#, "mixtures of experts"), (#"{"model_type": "wholly-new"}"#, "model_type wholly-new"),
    (#"{"model_type": "llava", "text_config": {"model_type": "llama"}}"#, "text_config (model_type llama)"),
    (#"{"text_config": {}}"#, "no model_type, a model of several parts"),
    (#"{"model_type": "internvl_chat", "llm_config": {"model_type": "qwen2"}}"#, "llm_config (model_type qwen2)"),
  ]

  @Test("a family that is not supported says what is missing", arguments: families)
  func unsupported(_ json: String, _ says: String) {
    let error = expectProblem(.unsupportedArchitecture) { try ModelConfiguration(json: JSONValue(json).objectValue!) }
    #expect(error?.found?.contains(says) == true, "\(error?.found ?? "")")
    #expect((error?.remedy != nil) == says.contains("_config") || says.contains("several"))
  }

  @Test("swish is silu")
  func swish() throws {
    for architecture in Architecture.all {
      for name in ["silu", "swish"] { _ = try read("hidden_act", .string(name), architecture) }
      expectProblem(.wrongField) { try read("hidden_act", .string("gelu"), architecture) }
    }
  }
}
