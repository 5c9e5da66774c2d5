import HybridizeCore

/// Fields of config.json that are known to change what a model computes, and that are not computed here.
enum UncomputedFields {
  private struct Kind {
    let names: [String]
    /// In words, what a model with such a field needs.
    let missing: String
    /// Values, beside null, false and empty ones, that say that the model has none of it.
    var harmless: [JSONValue] = []
    /// It is false that asks for something.
    var isAskedByFalse = false
  }

  private static let zero = ["0", "0.0"].map { JSONValue.number($0) }
  private static let one = ["1", "1.0"].map { JSONValue.number($0) }

  private static let kinds = [
    Kind(
      names: [
        "quantization_config", "quantization", "compression_config", "quant_config", "quantize_config", "quant_method",
      ],
      missing: "quantised weights are not read"),
    Kind(
      names: [
        "num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok", "num_experts_per_token",
        "moe_intermediate_size", "n_shared_experts", "shared_expert_intermediate_size", "moe_num_experts", "moe_k",
        "num_selected_experts", "expert_layer_period", "moe_layer_freq", "enable_moe_block",
      ], missing: "mixtures of experts are not computed", harmless: zero),
    Kind(
      names: [
        "attn_logit_softcapping", "final_logit_softcapping", "attention_logit_cap", "logits_soft_cap",
        "router_logit_softcapping",
      ], missing: "soft caps of logits are not computed"),
    Kind(
      names: [
        "embedding_multiplier", "residual_multiplier", "attention_multiplier", "logits_scaling", "logit_scale",
        "scale_emb", "scale_depth", "scale_width", "mup_width_scale", "mup_embeddings_multiplier", "lm_head_multiplier",
        "key_multiplier", "embedding_scale", "query_pre_attn_scalar", "attention_scale", "dim_model_base",
      ], missing: "multipliers of embeddings, residuals, attention or logits are not computed", harmless: one),
    Kind(
      names: ["alibi", "use_alibi", "alibi_bias_max", "position_embedding_type", "position_encoding_type"],
      missing: "positions by any other means than rotation are not computed",
      harmless: ["rope", "rotary", "ROPE"].map { .string($0) }),
    Kind(names: ["use_mrope", "mrope_section"], missing: "rotation by several axes is not computed"),
    Kind(
      names: ["is_causal", "causal"], missing: "attention to later tokens is not computed", harmless: [.bool(true)],
      isAskedByFalse: true),
    Kind(
      names: ["use_bidirectional_attention", "bidirectional_attention"],
      missing: "attention to later tokens is not computed"),
    Kind(
      names: ["draft_vocab_size", "eagle_config"],
      missing: "a draft head for speculative decoding is no model by itself"),
    Kind(
      names: ["no_rope_layers", "no_rope_layer_interval", "nope_layer_interval", "rope_layers"],
      missing: "layers without rotation are not computed"),
    Kind(names: ["rope_interleaved", "rope_interleave"], missing: "rotation of neighbouring channels is not computed"),
    Kind(
      names: [
        "qk_norm", "use_qk_norm", "qk_layernorm", "use_qk_layernorm", "add_qk_norm", "query_key_norm", "clip_qkv",
        "qkv_clip",
      ], missing: "norms and limits of query and key are computed only as the family has them"),
    Kind(
      names: [
        "parallel_attn", "use_parallel_residual", "parallel_residual", "sandwich_norm", "post_norm", "norm_after",
      ],
      missing: "norms and branches in another order are not computed"),
    Kind(
      names: ["kv_lora_rank", "q_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "index_topk"],
      missing: "latent and sparse attention are not computed", harmless: zero),
    Kind(
      names: ["attention_chunk_size", "sliding_window_pattern", "local_attention_window", "attention_window"],
      missing: "this kind of window is not computed"),
    Kind(
      names: ["per_layer_config", "block_configs", "num_kv_shared_layers", "kv_sharing", "cross_layer_sharing"],
      missing: "layers that differ in size or share what is theirs are not computed", harmless: zero),
    Kind(
      names: ["mamba_d_state", "ssm_cfg", "linear_attn_config", "attn_layer_period", "hybrid_override_pattern"],
      missing: "other mixers of an original model are not computed"),
  ]

  /// What is missing for a field with this value; `nil` where nothing is known to be.
  static func missing(_ name: String, _ value: JSONValue) -> String? {
    guard let kind = kinds.first(where: { $0.names.contains(name) }) else { return nil }
    let isEmpty = kind.isAskedByFalse ? value.isNull : isEmpty(value)
    let says = !isEmpty && !kind.harmless.contains(value) && !isIdleQuantization(name, value)
    return says ? kind.missing : nil
  }

  /// Whether the field is one of these, whatever it says.
  static func contains(_ name: String) -> Bool { kinds.contains { $0.names.contains(name) } }

  /// Null, false, nothing in a list or an object.
  private static func isEmpty(_ value: JSONValue) -> Bool {
    value.isNull || value.boolValue == false || value.arrayValue?.isEmpty == true || value.objectValue?.count == 0
  }

  /// What bitsandbytes leaves of a training whose result was written in full: neither four nor eight bits.
  private static func isIdleQuantization(_ name: String, _ value: JSONValue) -> Bool {
    guard name == "quantization_config", let object = value.objectValue else { return false }
    let four = object["load_in_4bit"] ?? object["_load_in_4bit"]
    let eight = object["load_in_8bit"] ?? object["_load_in_8bit"]
    return four?.boolValue == false && eight?.boolValue == false
  }
}

extension ModelConfiguration {
  /// Judges the fields that nothing has read.
  ///
  /// - Parameter ignored: unknown fields that the user declares to change nothing.
  /// - Returns: those of them that are there.
  /// - Throws: `.uncomputedField`, `.unknownField`.
  static func checkOthers(_ fields: FieldReader, ignoring ignored: Set<String>) throws(HybridizeError) -> [String] {
    var found: [String] = []
    for (name, value) in fields.unread where !value.isNull && !HarmlessFields.contains(name, value) {
      if let missing = UncomputedFields.missing(name, value) {
        throw HybridizeError(
          .uncomputedField, expected: "a model without it: \(missing)", found: fields.text(name),
          remedy: name.hasPrefix("quant") || name.hasPrefix("compress")
            ? "take the weights that were quantised, in F32, BF16 or F16" : nil)
      }
      if UncomputedFields.contains(name) { continue }
      guard ignored.contains(name) else {
        throw HybridizeError(
          .unknownField, found: fields.text(name),
          remedy: "if it changes nothing that the model computes, pass --ignore-field \(ErrorText.bounded(name))")
      }
      found.append(name)
    }
    return found
  }
}

extension Problem {
  public static let uncomputedField = Problem(
    "uncomputedField", .inputFile, "a field asks for something that is not computed")
}
