import HybridizeCore

extension ModelConfiguration {
  /// The mixer of each layer: of the family, or of a converted model's description.
  static func mixers(
    _ fields: inout FieldReader, _ hybrid: HybridDescription?, _ architecture: Architecture
  ) throws(HybridizeError) -> [any MixerSpecification] {
    let count = try fields.integer("num_hidden_layers", in: 1...10_000)
    let types = fields.has("layer_types") ? try fields.strings("layer_types") : nil
    fields.accept(["layer_types"])
    if let types, types.count != count {
      throw HybridizeError(.wrongLayerCount, expected: "\(count) layer_types", found: "\(types.count)")
    }
    guard let hybrid else {
      return try windows(&fields, types, count, architecture).map { window -> any MixerSpecification in
        if let window { WindowedAttentionSpecification(window: window) } else { SoftmaxAttentionSpecification() }
      }
    }
    guard hybrid.mixers.count == count else {
      throw HybridizeError(.wrongLayerCount, expected: "\(count) layers", found: "\(hybrid.mixers.count)")
    }
    if let types, types != hybrid.mixers.map({ type(of: $0).layerType }) {
      throw HybridizeError(
        .wrongField, expected: "layer_types that agree with hybridize.layers", found: types.joined(separator: ", "))
    }
    // The description has each layer's window; what it came from stays in the file.
    fields.accept(["sliding_window", "use_sliding_window", "max_window_layers"])
    return hybrid.mixers
  }

  /// Tokens that each layer's attention sees, `nil` where it sees all. As the family's class in transformers has it: a
  /// window counts wherever it is set, also if it is as long as the context.
  private static func windows(
    _ fields: inout FieldReader, _ types: [String]?, _ count: Int, _ architecture: Architecture
  ) throws(HybridizeError) -> [Int?] {
    let range = 1...1 << 24
    let all = SoftmaxAttentionSpecification.layerType
    let last = WindowedAttentionSpecification.layerType
    if let other = types?.first(where: { $0 != all && $0 != last }) {
      throw HybridizeError(.wrongField, expected: "layer_types of \(all) and \(last)", found: other)
    }
    switch architecture.window {
    case .never:
      guard types?.contains(last) != true else {
        throw fields.wrong("layer_types", "\(all) alone, as a model of the family \(architecture.name) has no windows")
      }
      return Array(repeating: nil, count: count)
    case .everyLayer:
      let window = fields.isNull("sliding_window") ? nil : try fields.optionalInteger("sliding_window", in: range)
      fields.accept(["sliding_window"])
      let expected = window == nil ? all : last
      guard types?.allSatisfy({ $0 == expected }) != false else {
        throw fields.wrong(
          "layer_types", "\(expected) alone, as sliding_window is for all layers of the family \(architecture.name)")
      }
      return Array(repeating: window, count: count)
    case .byLayer:
      let isUsed = try fields.optionalBool("use_sliding_window") ?? false
      let isNull = fields.isNull("sliding_window")
      fields.accept(["sliding_window", "max_window_layers"])
      let window = isUsed && !isNull ? try fields.optionalInteger("sliding_window", in: range) : nil
      guard let window else {
        guard types?.contains(last) != true else {
          throw fields.wrong("layer_types", "\(all) alone, as use_sliding_window or sliding_window says no window")
        }
        return Array(repeating: nil, count: count)
      }
      if let types { return types.map { $0 == last ? window : nil } }
      let first = try fields.optionalInteger("max_window_layers", in: 0...1 << 30) ?? 0
      return (0..<count).map { $0 >= first ? window : nil }
    }
  }
}
