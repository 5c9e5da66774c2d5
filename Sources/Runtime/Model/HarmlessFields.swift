import HybridizeCore

/// Fields of config.json that do not change what the supported families compute, by name: those of transformers' base
/// class, of generation, names of tokens, and what training tools leave.
enum HarmlessFields {
  static func contains(_ name: String, _ value: JSONValue) -> Bool {
    names.contains(name) || values[name]?.contains(value) == true || endings.contains { name.hasSuffix($0) }
      || beginnings.contains { name.hasPrefix($0) }
  }

  /// What some say beside the fields that are read, in these words alone.
  private static let values: [String: [JSONValue]] = [
    "activation": ["swiglu", "silu", "swish"].map { .string($0) },
    "hidden_activation": ["silu", "swish"].map { .string($0) },
    "norm_type": ["rmsnorm", "rms_norm"].map { .string($0) },
  ]

  /// Tokens by text and by number; what only training drops.
  private static let endings = ["_token", "_token_id", "_token_ids", "_dropout", "_pdrop", "_dropout_prob"]

  private static let beginnings = ["unsloth_", "_unsloth", "axolotl", "_axolotl", "transformers.js"]

  private static let names = Set(base + generation + families + tools)

  /// Of transformers' PretrainedConfig, versions 4 and 5.
  private static let base = [
    "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal", "_auto_class",
    "_commit_hash", "_experts_implementation", "_experts_implementation_internal", "_flash_attn_2_enabled",
    "_from_auto", "_from_pipeline", "_name_or_path", "_output_attentions", "add_cross_attention", "architectures",
    "attn_implementation", "auto_map", "base_model_ep_plan", "base_model_fsdp_plan", "base_model_pp_plan",
    "base_model_tp_plan", "chunk_size_feed_forward", "cross_attention_hidden_size", "custom_pipelines", "dtype",
    "experts_implementation", "finetuning_task", "id2label", "is_composition", "is_decoder", "is_encoder_decoder",
    "keys_to_ignore_at_inference", "label2id", "model_type", "name_or_path", "num_labels", "output_attentions",
    "output_hidden_states", "prefix", "problem_type", "pruned_heads", "return_dict", "task_specific_params",
    "tf_legacy_loss", "tie_encoder_decoder", "tie_last_hidden_states", "tokenizer_class", "torch_dtype", "torchscript",
    "transformers_version", "transformers_weights", "use_bfloat16", "use_cache", "use_return_dict",
  ]

  /// Of transformers' GenerationConfig, versions 4 and 5.
  private static let generation = [
    "_from_model_config", "assistant_confidence_threshold", "assistant_early_exit", "assistant_ensemble_weight",
    "assistant_lookbehind", "bad_words_ids", "badwordsids", "begin_suppress_tokens", "cache_config",
    "cache_implementation", "compile_config", "constraints", "continuous_batching_config", "disable_compile",
    "diversity_penalty", "do_sample", "dola_layers", "early_stopping", "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty", "epsilon_cutoff", "eta_cutoff", "exponential_decay_length_penalty",
    "force_words_ids", "forced_decoder_ids", "generation_kwargs", "guidance_scale", "is_assistant", "length_penalty",
    "low_memory", "max_cache_len", "max_length", "max_matching_ngram_size", "max_new_tokens", "max_time",
    "max_window_size", "min_length", "min_new_tokens", "min_p", "no_repeat_ngram_size", "num_assistant_tokens",
    "num_assistant_tokens_schedule", "num_beam_groups", "num_beams", "num_return_sequences", "output_logits",
    "output_scores", "penalty_alpha", "prefill_chunk_size", "prompt_lookup_num_tokens", "remove_invalid_values",
    "renormalize_logits", "repetition_penalty", "return_dict_in_generate", "sequence_bias", "speculation_type",
    "stop_strings", "suppress_tokens", "target_lookbehind", "temperature", "token_healing", "top_h", "top_k", "top_p",
    "typical_p", "use_mtp", "watermarking_config",
  ]

  /// Of one supported family, in the configuration of another, whose class does not read them; of training; and of layers
  /// that only predict further tokens.
  private static let families = [
    "additional_special_tokens", "attention_bias", "dropout", "eos_token_id", "initializer_factor",
    "initializer_range", "is_llama_config", "max_window_layers", "mlp_bias", "num_nextn_predict_layers",
    "original_max_position_embeddings", "output_router_logits", "partial_rotary_factor", "pretraining_tp",
    "router_aux_loss_coef", "sliding_window",
    "use_sliding_window",
  ]

  /// Left by programs that train, convert or serve models; none of them describes the computation.
  private static let tools = [
    "adapter_path", "base_model", "base_model_name", "base_model_name_or_path", "custom_generate", "datasets",
    "deepspeed", "finetuned_from", "flash_attention", "fsdp", "gradient_checkpointing", "group_size_ratio",
    "hf_model_id", "init_device", "init_method", "language", "library_name", "license", "lora_alpha", "lora_r",
    "max_cache_length", "max_seq_len", "max_seq_length", "max_sequence_length", "mixed_precision", "model_max_length",
    "model_name", "move_model_to_device",
    "model_parallel", "neftune_noise_alpha", "pad_to_multiple_of", "padding_side", "peft_config", "pipeline_tag",
    "rope_parameters", "rope_scaling", "rope_theta", "seed", "selective_checkpoint_enabled", "seq_length",
    "sequence_parallel_enabled", "shift_attn", "tensor_parallel",
    "tokenizer_file", "tokenizer_model_max_length", "tokenizer_padding_side", "tokenizer_path", "train_batch_size",
    "training_args", "use_flash_attention", "use_flash_attention_2", "use_flash_attn", "use_fused_cross_entropy",
    "use_fused_rms_norm", "use_fused_rope", "use_gradient_checkpointing", "use_reentrant", "use_sdpa",
  ]
}
