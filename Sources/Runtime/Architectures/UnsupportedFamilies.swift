import HybridizeCore

extension ModelConfiguration {
  /// The family that a `model_type` names.
  ///
  /// - Throws: `.unsupportedArchitecture`, with what the family needs where that is known.
  static func architecture(
    _ modelType: String?, _ source: JSONObject, of all: [Architecture]
  ) throws(HybridizeError) -> Architecture {
    if let modelType, let found = all.first(where: { $0.modelTypes.contains(modelType) }) { return found }
    let inner = ["text_config", "llm_config", "language_config", "thinker_config"].first {
      source[$0]?.objectValue != nil
    }
    var found = modelType.map { "model_type \($0)" } ?? "no model_type"
    var remedy: String?
    if let inner {
      let innerType = source[inner]?.objectValue?["model_type"]?.stringValue
      found += ", a model of several parts whose language model is in \(inner)"
      found += innerType.map { " (model_type \($0))" } ?? ""
      remedy = "give the language model by itself, with \(inner) as its config.json"
    } else if let modelType, let needs = UnsupportedFamilies.needs(modelType) {
      found += ", which needs what is not computed here: \(needs)"
    }
    throw HybridizeError(
      .unsupportedArchitecture, expected: "model_type one of " + all.flatMap(\.modelTypes).joined(separator: ", "),
      found: found, remedy: remedy)
  }
}

/// What families that are not supported have beyond what is computed, by `model_type`.
enum UnsupportedFamilies {
  static func needs(_ modelType: String) -> String? {
    needs[modelType]
      ?? (modelType.contains("moe") ? experts : nil)
      ?? (modelType.contains("mamba") ? "state space layers" : nil)
  }

  private static let experts = "mixtures of experts"
  private static let interleaved = "rotation of neighbouring channels"

  private static let needs: [String: String] = [
    "smollm3": "layers without rotation",
    "ministral": "windows in some layers of a family of its own",
    "ministral3": "scaled queries by position",
    "gemma": "norms with a gain of one and more, embeddings times a factor, a feed-forward part with GELU",
    "gemma2": "soft caps of attention and final logits, sandwich norms, norms with a gain of one and more, GELU",
    "gemma3": "norms with a gain of one and more, sandwich norms, two rotary bases, GELU",
    "gemma3_text": "norms with a gain of one and more, sandwich norms, two rotary bases, GELU",
    "gemma4": "norms with a gain of one and more, sandwich norms, two rotary bases, GELU",
    "gemma4_text": "norms with a gain of one and more, sandwich norms, two rotary bases, GELU",
    "phi": "LayerNorm, branches side by side, partial rotation, GELU without a gate",
    "phi3": "query, key and value in one tensor, gate and up in one tensor",
    "olmo": "LayerNorm without weights, limits of query, key and value",
    "olmo2": "norms after the branches, norms over the whole query and key",
    "olmo3": "norms after the branches, norms over the whole query and key",
    "gpt2": "LayerNorm, learned positions, GELU without a gate, transposed weights",
    "gpt_neo": "LayerNorm, learned positions, GELU without a gate",
    "gpt_neox": "LayerNorm, branches side by side, query, key and value in one tensor, GELU without a gate",
    "gptj": "LayerNorm, branches side by side, \(interleaved), GELU without a gate",
    "opt": "LayerNorm, learned positions, ReLU without a gate",
    "bloom": "LayerNorm, ALiBi, query, key and value in one tensor, GELU without a gate",
    "falcon": "LayerNorm, branches side by side, query, key and value in one tensor, GELU without a gate",
    "mpt": "LayerNorm, ALiBi, query, key and value in one tensor, GELU without a gate",
    "stablelm": "LayerNorm, partial rotation",
    "starcoder2": "LayerNorm, GELU without a gate",
    "cohere": "LayerNorm, branches side by side, \(interleaved), scaled logits",
    "cohere2": "LayerNorm, branches side by side, layers without rotation, \(interleaved), scaled logits",
    "nemotron": "LayerNorm with a gain of one and more, partial rotation, squared ReLU without a gate",
    "nemotron_h": "state space layers, squared ReLU without a gate",
    "nemotron-nas": "layers that differ in size",
    "deci": "layers that differ in size",
    "granite": "multipliers of embeddings, residuals, attention and logits",
    "glm": "partial rotation of neighbouring channels, gate and up in one tensor",
    "glm4": "sandwich norms, partial rotation of neighbouring channels, gate and up in one tensor",
    "exaone4": "norms after the branches, layers without rotation, windows",
    "seed_oss": "biases that it names otherwise",
    "ernie4_5": interleaved,
    "hunyuan_v1_dense": "norms of query and key after the rotation",
    "apertus": "an activation of its own (xIELU) without a gate",
    "arcee": "squared ReLU without a gate",
    "helium": interleaved,
    "minicpm": "multipliers of embeddings, residuals and logits",
    "minicpm3": "latent attention, multipliers of embeddings, residuals and logits",
    "internlm2": "query, key and value in one tensor",
    "baichuan": "query, key and value in one tensor",
    "chatglm": "partial rotation of neighbouring channels, query, key and value in one tensor",
    "qwen": "query, key and value in one tensor, other names of tensors",
    "mimo": "layers that predict further tokens in a class of its own",
    "llama4": "\(experts), windows in chunks, layers without rotation",
    "llama4_text": "\(experts), windows in chunks, layers without rotation",
    "mixtral": experts, "dbrx": experts, "gpt_oss": "\(experts), attention sinks with weights",
    "deepseek_v2": "latent attention, \(experts)", "deepseek_v3": "latent attention, \(experts)",
    "deepseek_v32": "latent and sparse attention, \(experts)", "deepseek_v4": "sparse attention, \(experts)",
    "kimi_k2": "latent attention, \(experts)", "minimax_m2": experts, "glm_moe_dsa": "sparse attention, \(experts)",
    "qwen3_5": "gated DeltaNet layers of the original model, gated attention, norms with a gain of one and more",
    "qwen3_5_text": "gated DeltaNet layers of the original model, gated attention, norms with a gain of one and more",
    "qwen3_next": "gated DeltaNet layers of the original model, gated attention, \(experts)",
    "olmo_hybrid": "gated DeltaNet layers of the original model, norms after the branches",
    "kimi_linear": "Kimi delta attention and latent attention of the original model, \(experts)",
    "falcon_h1": "state space layers, multipliers", "bamba": "state space layers", "jamba": "state space layers",
    "granitemoehybrid": "state space layers, multipliers", "lfm2": "convolution layers",
    "recurrent_gemma": "recurrent layers, norms with a gain of one and more", "rwkv": "recurrent layers",
  ]
}

extension Problem {
  public static let unsupportedArchitecture = Problem(
    "unsupportedArchitecture", .inputFile, "the architecture is not supported")
}
