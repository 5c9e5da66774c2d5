import HybridizeCore

/// A family of KerasHub's: how its weights are called there and in Hugging Face's checkpoints. The same rules serve
/// for reading and for writing.
package struct KerasHubFamily: Sendable {
  /// One weight. `{}` stands for the decoder layer: its group in `keras`, its number in `huggingFace`.
  package struct Rule: Sendable {
    /// Paths of the datasets below `layers/`; several where Hugging Face has them side by side.
    package let keras: [String]
    package let huggingFace: String
    package let form: TensorForm
    /// The heads that Keras has as a dimension of their own: of what comes in where the form has two dimensions of
    /// inputs, otherwise of what goes out.
    package let heads: Heads?

    init(_ keras: String..., to huggingFace: String, _ form: TensorForm = .same, heads: Heads? = nil) {
      self.keras = keras
      self.huggingFace = huggingFace
      self.form = form
      self.heads = heads
    }
  }

  package enum Heads: Sendable {
    case query
    case keyValue
  }

  /// Hugging Face's `model_type`.
  package let modelType: String
  /// Names of KerasHub's classes.
  package let classes: [String]
  /// The group of the first decoder layer; the others have `_1`, `_2`, ... after it.
  package let decoder: String
  package let rules: [Rule]

  package static let all: [KerasHubFamily] = [
    llama, .likeLlama("mistral", ["MistralBackbone"], finalNorm: "mistral_layer_normalization"),
    .likeLlama("qwen2", ["QwenBackbone"], prefix: "qwen", finalNorm: "qwen_layer_norm"),
    .likeLlama("qwen3", ["Qwen3Backbone"], finalNorm: "qwen3_layer_norm"), gpt2,
  ]

  static let llama = likeLlama("llama", ["LlamaBackbone", "Llama3Backbone"], finalNorm: "llama_layer_norm")

  /// Biases and head norms are rules of all of them: a file that has none has no such dataset.
  private static func likeLlama(
    _ modelType: String, _ classes: [String], prefix: String? = nil, finalNorm: String
  ) -> KerasHubFamily {
    let attention = "{}/_self_attention_layer"
    let layer = "model.layers.{}"
    var rules = [
      Rule("reversible_embedding/vars/0", to: "model.embed_tokens.weight"),
      Rule("reversible_embedding/vars/1", to: "lm_head.weight", .transposed(inputs: 1)),
      Rule("\(finalNorm)/vars/0", to: "model.norm.weight"),
      Rule("{}/_self_attention_layernorm/vars/0", to: "\(layer).input_layernorm.weight"),
      Rule("{}/_feedforward_layernorm/vars/0", to: "\(layer).post_attention_layernorm.weight"),
      Rule(
        "\(attention)/_output_dense/vars/0", to: "\(layer).self_attn.o_proj.weight", .transposed(inputs: 2),
        heads: .query),
      Rule("\(attention)/_query_dense_layer_norm/vars/0", to: "\(layer).self_attn.q_norm.weight"),
      Rule("\(attention)/_key_dense_layer_norm/vars/0", to: "\(layer).self_attn.k_norm.weight"),
    ]
    for (keras, huggingFace) in [("query", "q"), ("key", "k"), ("value", "v")] {
      let place = "\(layer).self_attn.\(huggingFace)_proj"
      let dense = "\(attention)/_\(keras)_dense/vars"
      let heads: Heads = keras == "query" ? .query : .keyValue
      rules.append(Rule("\(dense)/0", to: "\(place).weight", .transposed(inputs: 1), heads: heads))
      rules.append(Rule("\(dense)/1", to: "\(place).bias", .joined(inputs: 0), heads: heads))
    }
    for (keras, huggingFace) in [("gate", "gate"), ("intermediate", "up"), ("output", "down")] {
      rules.append(
        Rule(
          "{}/_feedforward_\(keras)_dense/vars/0", to: "\(layer).mlp.\(huggingFace)_proj.weight",
          .transposed(inputs: 1)))
    }
    return KerasHubFamily(
      modelType: modelType, classes: classes, decoder: "\(prefix ?? modelType)_transformer_decoder", rules: rules)
  }

  /// Hugging Face's GPT-2 keeps its matrices with inputs first too, and has query, key and value side by side.
  static let gpt2: KerasHubFamily = {
    let attention = "{}/_self_attention_layer"
    let layer = "transformer.h.{}"
    var rules = [
      Rule("reversible_embedding/vars/0", to: "transformer.wte.weight"),
      Rule("token_and_position_embedding/token_embedding/vars/0", to: "transformer.wte.weight"),
      Rule("position_embedding/vars/0", to: "transformer.wpe.weight"),
      Rule("token_and_position_embedding/position_embedding/vars/0", to: "transformer.wpe.weight"),
      Rule(
        "\(attention)/query_dense/vars/0", "\(attention)/key_dense/vars/0", "\(attention)/value_dense/vars/0",
        to: "\(layer).attn.c_attn.weight", .joined(inputs: 1), heads: .query),
      Rule(
        "\(attention)/query_dense/vars/1", "\(attention)/key_dense/vars/1", "\(attention)/value_dense/vars/1",
        to: "\(layer).attn.c_attn.bias", .joined(inputs: 0), heads: .query),
      Rule(
        "\(attention)/output_dense/vars/0", to: "\(layer).attn.c_proj.weight", .joined(inputs: 2), heads: .query),
      Rule("\(attention)/output_dense/vars/1", to: "\(layer).attn.c_proj.bias"),
    ]
    for (number, leaf) in ["weight", "bias"].enumerated() {
      rules += [
        Rule("layer_normalization/vars/\(number)", to: "transformer.ln_f.\(leaf)"),
        Rule("layer_norm/vars/\(number)", to: "transformer.ln_f.\(leaf)"),
        Rule("{}/_self_attention_layer_norm/vars/\(number)", to: "\(layer).ln_1.\(leaf)"),
        Rule("{}/_feedforward_layer_norm/vars/\(number)", to: "\(layer).ln_2.\(leaf)"),
        Rule("{}/_feedforward_intermediate_dense/vars/\(number)", to: "\(layer).mlp.c_fc.\(leaf)"),
        Rule("{}/_feedforward_output_dense/vars/\(number)", to: "\(layer).mlp.c_proj.\(leaf)"),
      ]
    }
    return KerasHubFamily(
      modelType: "gpt2", classes: ["GPT2Backbone"], decoder: "transformer_decoder", rules: rules)
  }()
}

extension KerasHubFamily {
  /// The rule for a dataset below `layers/`, which of its parts the dataset is, and the position of the layer's group.
  package func match(keras path: String) -> (rule: Rule, part: Int, layer: Int?)? {
    let slash = path.firstIndex(of: "/") ?? path.endIndex
    let position = position(ofGroup: path[..<slash])
    let pattern = position == nil ? path : "{}" + path[slash...]
    for rule in rules {
      if let part = rule.keras.firstIndex(of: pattern) { return (rule, part, position) }
    }
    return nil
  }

  /// The rule for a Hugging Face name, and the number of its layer. Where Keras knows two places the first is taken.
  package func match(huggingFace name: String) -> (rule: Rule, layer: Int?)? {
    for rule in rules {
      guard let place = rule.huggingFace.firstRange(of: "{}") else {
        if rule.huggingFace == name { return (rule, nil) }
        continue
      }
      let before = rule.huggingFace[..<place.lowerBound]
      let after = rule.huggingFace[place.upperBound...]
      guard name.hasPrefix(before), name.hasSuffix(after), name.utf8.count > before.utf8.count + after.utf8.count else {
        continue
      }
      if let layer = Self.number(name.dropFirst(before.count).dropLast(after.count)) { return (rule, layer) }
    }
    return nil
  }

  /// The group of the decoder layer at a position.
  package func group(at position: Int) -> String { position == 0 ? decoder : "\(decoder)_\(position)" }

  func position(ofGroup name: Substring) -> Int? {
    if name == decoder { return 0 }
    guard name.hasPrefix(decoder + "_"), let number = Self.number(name.dropFirst(decoder.count + 1)), number > 0 else {
      return nil
    }
    return number
  }

  /// A number as it is written without a sign or leading zeros.
  private static func number(_ text: Substring) -> Int? {
    guard let number = Int(text), number >= 0, String(number) == text else { return nil }
    return number
  }
}
