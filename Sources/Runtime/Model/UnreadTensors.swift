import HybridizeCore
import HybridizeFormats

/// Which tensors of a checkpoint no model reads, by their names: tables that follow from config.json, heads for other ends,
/// modules that predict further tokens.
struct UnreadTensors {
  private let model: ModelConfiguration
  /// Layers behind the model's last whose tensors are those of a module that predicts further tokens.
  private let furtherLayers: Set<Int>
  private let layers: String

  /// - Parameter names: those that the model does not ask for.
  init(_ names: [String], _ model: ModelConfiguration) {
    self.model = model
    layers = TensorNameIndex.core(model.architecture.tensors.layers)
    let declared = model.source["num_nextn_predict_layers"]?.integerValue ?? 0
    var further = Set((0..<max(0, min(declared, 64))).map { model.layerCount + $0 })
    for name in names {
      guard let (layer, part) = Self.layer(of: TensorNameIndex.core(name), layers), layer >= model.layerCount,
        Self.furtherParts.contains(where: { part == $0 || part.hasPrefix($0 + ".") })
      else { continue }
      further.insert(layer)
    }
    furtherLayers = further
  }

  /// Why the tensor is not read; `nil` for one that may be needed.
  func reason(_ tensor: TensorDescriptor) -> String? {
    let core = TensorNameIndex.core(tensor.name)
    let parts = core.split(separator: ".")
    guard let first = parts.first.map(String.init), let last = parts.last.map(String.init) else { return nil }
    if Self.rotary.contains(last) || model.architecture.derivedTensors.contains(where: core.hasSuffix) {
      return "a table of rotary angles, which follow from config.json"
    }
    let isAttention = parts.count > 1 && parts[parts.count - 2].hasSuffix("attn")
    if Self.masks.contains(last) || isAttention && last == "bias" && tensor.shape.rank > 1 {
      return "a mask of attention, which is always causal"
    }
    let isCacheScale = isAttention && Self.cacheScales.contains(last)
    if isCacheScale || ["k_proj.output_scale", "v_proj.output_scale"].contains(where: core.hasSuffix) {
      return "a scale of a quantised cache, which is not quantised here"
    }
    if Self.otherHeads.contains(first) { return "a head that predicts no tokens" }
    if Self.drafts.contains(first) || parts.contains(where: { $0 == "mtp" }) {
      return "a module that predicts further tokens"
    }
    if let (layer, _) = Self.layer(of: core, layers), furtherLayers.contains(layer) {
      return "a module that predicts further tokens, behind the model's \(model.layerCount) layers"
    }
    return nil
  }

  /// Layer and part of a name below the layers.
  private static func layer(of core: String, _ layers: String) -> (index: Int, part: Substring)? {
    guard core.hasPrefix(layers) else { return nil }
    let rest = core.dropFirst(layers.count)
    guard let dot = rest.firstIndex(of: "."), let index = Int(rest[..<dot]), index >= 0 else { return nil }
    return (index, rest[rest.index(after: dot)...])
  }

  private static let rotary: Set<String> = [
    "inv_freq", "original_inv_freq", "cos_cached", "sin_cached", "freqs_cis",
  ]
  private static let masks: Set<String> = ["masked_bias", "causal_mask", "position_ids"]
  private static let cacheScales: Set<String> = ["k_scale", "v_scale", "kv_scale"]
  private static let otherHeads: Set<String> = [
    "v_head", "value_head", "score", "reward_head", "regression_head", "regression_layer", "classifier",
  ]
  private static let drafts: Set<String> = [
    "mtp", "mtp_layers", "mtp_block", "medusa_head", "medusa_heads", "hydra_head", "eagle",
  ]
  /// What a layer of a model has not and such a module has (DeepSeek-V3, GLM-4.5).
  private static let furtherParts = ["eh_proj", "enorm", "hnorm", "shared_head", "embed_tokens"]
}

/// Weights that are not numbers by themselves: what stands beside them says so.
enum QuantizedRemains {
  private static let endings: Set<String> = [
    "qweight", "qzeros", "scales", "biases", "g_idx", "SCB", "absmax", "quant_map", "nested_absmax", "nested_quant_map",
    "weight_scale", "weight_scale_inv", "weight_scale_2", "weight_zero_point", "weight_packed", "weight_shape",
    "weight_g_idx", "input_scale", "activation_scale", "scale_weight", "scale_input", "output_scale", "scaled_fp8",
  ]

  /// The error for a tensor that says that weights are quantised; `nil` for any other.
  static func error(_ tensor: TensorDescriptor, in file: String) -> HybridizeError? {
    let last = tensor.name.split(separator: ".").last.map(String.init) ?? ""
    guard endings.contains(last) || tensor.name.contains(".quant_state.") else { return nil }
    return HybridizeError(
      .quantizedWeights, file: file, tensor: tensor.name, expected: "weights that stand for themselves",
      found: "\(tensor.elementType.rawValue) \(tensor.shape), a scale or a part of quantised weights",
      remedy: "take the model that was quantised, or save this one dequantised")
  }
}

extension Problem {
  public static let quantizedWeights = Problem(
    "quantizedWeights", .inputFile, "the weights are quantised in a way that is not read")
}
