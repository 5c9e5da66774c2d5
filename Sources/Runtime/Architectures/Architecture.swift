import HybridizeCore

/// A family of Transformers as a value: what its tensors are called, which options its configuration has.
///
/// The built-in families are Swift literals, one file each; the same value can be given as a file (see
/// `Architecture+JSON.swift`), so that a new family of the same build needs no code. The build itself is the
/// pre-norm decoder: `x += mixer(norm(x)); x += SwiGLU(norm(x))`, a final norm and a head.
public struct Architecture: Sendable, Equatable {
  /// Name for reports, for instance `llama`.
  public var name: String
  /// Values of config.json's `model_type` that mean this family.
  public var modelTypes: [String]
  public var tensors: TensorNames
  /// Biases on the query, key and value projections.
  public var queryKeyValueBias: Option
  public var outputBias: Option
  public var feedForwardBias: Option
  /// An RMSNorm with a gain on each head of query and key, before the rotation.
  public var queryKeyNorm: Option
  /// Whether the head shares the embedding's weights where config.json does not say.
  public var tiedByDefault: Bool
  /// Fields of config.json that must have this value where they are present, or one of an array of them: what we do not
  /// compute. A null must be written out, as a family that has it here means something else by a field that is not there.
  public var requiredValues: [String: JSONValue]
  /// What fields of config.json are where they are absent.
  public var defaults: [String: JSONValue]
  /// Which layers see only the last tokens.
  public var window: Window
  /// Whether rotation without scaling turns a part of each head where `partial_rotary_factor` says so. The classes of
  /// some families read the field for scaled rotation alone.
  public var partialRotary: Bool
  /// Endings of tensor names that older writers saved and no model reads.
  public var derivedTensors: [String]

  /// Something that a family always has, never has, or has where a field of config.json is true.
  public enum Option: Sendable, Equatable {
    case always
    case never
    case configured(String)
  }

  /// Where a family's windows come from.
  public enum Window: String, Sendable, Equatable {
    /// Every layer sees all tokens, whatever config.json says.
    case never
    /// `sliding_window` is that of all layers, unless it is null.
    case everyLayer = "every_layer"
    /// With `use_sliding_window`, `sliding_window` is that of the layers that `layer_types` names, or without it of
    /// those from `max_window_layers` on.
    case byLayer = "by_layer"
  }

  public init(
    name: String, modelTypes: [String], tensors: TensorNames, queryKeyValueBias: Option = .never,
    outputBias: Option = .never, feedForwardBias: Option = .never, queryKeyNorm: Option = .never,
    tiedByDefault: Bool = false, requiredValues: [String: JSONValue] = ["hidden_act": .silu],
    defaults: [String: JSONValue] = [:], window: Window = .never, partialRotary: Bool = true,
    derivedTensors: [String] = ["rotary_emb.inv_freq"]
  ) {
    self.name = name
    self.modelTypes = modelTypes
    self.tensors = tensors
    self.queryKeyValueBias = queryKeyValueBias
    self.outputBias = outputBias
    self.feedForwardBias = feedForwardBias
    self.queryKeyNorm = queryKeyNorm
    self.tiedByDefault = tiedByDefault
    self.requiredValues = requiredValues
    self.defaults = defaults
    self.window = window
    self.partialRotary = partialRotary
    self.derivedTensors = derivedTensors
  }
}

extension JSONValue {
  /// The names of one activation, `x sigmoid(x)`.
  public static let silu = JSONValue.array([.string("silu"), .string("swish")])
}

/// What a family calls its tensors. Parts of a layer are relative to the layer's prefix; projections are named
/// without `.weight` and `.bias`.
public struct TensorNames: Sendable, Equatable {
  public var embedding = "model.embed_tokens.weight"
  public var finalNorm = "model.norm.weight"
  public var head = "lm_head.weight"
  /// A layer's tensors begin with this, its index and a dot.
  public var layers = "model.layers."
  public var mixerNorm = "input_layernorm.weight"
  public var query = "self_attn.q_proj"
  public var key = "self_attn.k_proj"
  public var value = "self_attn.v_proj"
  public var output = "self_attn.o_proj"
  public var queryNorm = "self_attn.q_norm.weight"
  public var keyNorm = "self_attn.k_norm.weight"
  public var feedForwardNorm = "post_attention_layernorm.weight"
  public var gate = "mlp.gate_proj"
  public var up = "mlp.up_proj"
  public var down = "mlp.down_proj"

  public init() {}

  /// For instance `model.layers.3.`.
  public func layerPrefix(_ index: Int) -> String { "\(layers)\(index)." }
}

extension Architecture {
  /// The families that are built in. A new one is its file and its place in this list.
  public static let all: [Architecture] = [.llama, .mistral, .qwen2, .qwen3]
}
