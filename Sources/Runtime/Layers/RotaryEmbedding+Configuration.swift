import HybridizeCore

extension RotaryEmbedding {
  /// Reads `rope_theta` and `rope_scaling`, or `rope_parameters` as newer writers have it. What a kind of scaling does not
  /// read may stand there all the same.
  ///
  /// - Parameters:
  ///   - context: `max_position_embeddings`.
  ///   - turnsPart: whether `partial_rotary_factor` counts without scaling too.
  /// - Throws: `.wrongField` for a kind of scaling that is not computed here, `.missingField`.
  init(
    _ fields: inout FieldReader, headDimension: Int, context: Int, turnsPart: Bool
  ) throws(HybridizeError) {
    var outer = Outer()
    outer.theta = try fields.optionalDouble("rope_theta", in: 1...1e12)
    outer.share = try fields.optionalDouble("partial_rotary_factor", in: 1e-6...1)
    outer.originalContext = try fields.optionalDouble("original_max_position_embeddings", in: 1...1e9)
    outer.context = Double(context)
    var found: RotaryEmbedding?
    for name in ["rope_parameters", "rope_scaling"] {
      // False, as Python takes it, is nothing.
      if let value = fields.value(name), value.boolValue == false { continue }
      guard let object = try fields.optionalObject(name), object.count > 0 else { continue }
      let rotary = try RotaryEmbedding(
        FieldReader(object, in: name), outer, headDimension: headDimension, turnsPart: turnsPart)
      if let found, found != rotary { throw fields.wrong(name, "what rope_parameters says, or nothing") }
      found = rotary
    }
    if let found {
      self = found
    } else {
      self = try RotaryEmbedding(FieldReader([:]), outer, headDimension: headDimension, turnsPart: turnsPart)
    }
  }

  /// What stands beside the object that says how frequencies are scaled.
  private struct Outer {
    var theta: Double?
    var share: Double?
    var originalContext: Double?
    var context = 0.0
  }

  private init(
    _ fields: FieldReader, _ outer: Outer, headDimension: Int, turnsPart: Bool
  ) throws(HybridizeError) {
    var fields = fields
    if let nested = fields.keys.first(where: { fields.isObject($0) }) {
      throw fields.wrong(nested, "one rotation for all layers, not one for each kind of layer")
    }
    let theta = try fields.optionalDouble("rope_theta", in: 1...1e12) ?? outer.theta ?? 10_000
    let share = try fields.optionalDouble("partial_rotary_factor", in: 1e-6...1) ?? outer.share ?? 1
    let kind = try Self.kind(&fields)
    var scaling = Scaling.none
    var attentionFactor = 1.0
    let turnsWhole = kind == "default" && !turnsPart || kind == "proportional"
    let rotated = turnsWhole ? headDimension : try Self.rotated(share, of: headDimension, fields)
    // Newer configurations repeat the outer value inside; where they differ it is the outer one that counts.
    let original = try fields.optionalDouble("original_max_position_embeddings", in: 1...1e9)
    let originalContext = outer.originalContext ?? original ?? outer.context
    switch kind {
    case "default": break
    case "linear": scaling = .linear(factor: try fields.double("factor", in: 1e-6...1e6))
    case "dynamic":
      guard rotated > 2 else { throw fields.wrong("rope_type", "another kind for heads of 2 channels that turn") }
      scaling = .dynamic(factor: try fields.double("factor", in: 1e-6...1e6), originalContext: outer.context)
    case "llama3": scaling = try Self.llama3(&fields, originalContext)
    case "yarn":
      guard theta > 1 else { throw fields.wrong("rope_theta", "more than 1, for yarn") }
      (scaling, attentionFactor) = try Self.yarn(&fields, originalContext, context: outer.context)
    case "longrope":
      (scaling, attentionFactor) = try Self.longRope(
        &fields, originalContext, context: outer.context, pairs: rotated / 2)
    default:
      scaling = .proportional(factor: try fields.optionalDouble("factor", in: 1e-6...1e6) ?? 1, share: share)
    }
    self.init(
      theta: theta, headDimension: headDimension, rotated: rotated, scaling: scaling, attentionFactor: attentionFactor)
  }

  private static let kinds = ["default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional"]

  /// `rope_type`, or `type` as older writers have it.
  private static func kind(_ fields: inout FieldReader) throws(HybridizeError) -> String {
    let older = try fields.optionalString("type")
    let newer = try fields.optionalString("rope_type")
    let found = newer ?? older ?? "default"
    // The name under which LongRoPE was published first.
    if found == "su" { return "longrope" }
    guard kinds.contains(found) else {
      throw fields.wrong(newer == nil ? "type" : "rope_type", "one of " + kinds.joined(separator: ", "))
    }
    return found
  }

  private static func rotated(
    _ share: Double, of headDimension: Int, _ fields: FieldReader
  ) throws(HybridizeError) -> Int {
    let rotated = Int(share * Double(headDimension))
    guard rotated > 0, rotated % 2 == 0 else {
      throw fields.wrong("partial_rotary_factor", "an even number of the \(headDimension) channels of a head")
    }
    return rotated
  }

  private static func llama3(
    _ fields: inout FieldReader, _ originalContext: Double
  ) throws(HybridizeError) -> Scaling {
    let factor = try fields.double("factor", in: 1e-6...1e6)
    let low = try fields.double("low_freq_factor", in: 1e-6...1e6)
    let high = try fields.double("high_freq_factor", in: 1e-6...1e6)
    guard high > low else { throw fields.wrong("high_freq_factor", "more than low_freq_factor") }
    return .llama3(
      factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext: originalContext)
  }

  private static func yarn(
    _ fields: inout FieldReader, _ originalContext: Double, context: Double
  ) throws(HybridizeError) -> (Scaling, Double) {
    var yarn = Yarn(
      factor: try fields.optionalDouble("factor", in: 1e-6...1e6) ?? context / originalContext,
      originalContext: originalContext)
    // Zero stands for the usual value.
    if let turns = try fields.optionalDouble("beta_fast", in: 0...1e6), turns > 0 { yarn.fastTurns = turns }
    if let turns = try fields.optionalDouble("beta_slow", in: 0...1e6), turns > 0 { yarn.slowTurns = turns }
    yarn.truncates = try fields.optionalBool("truncate") ?? !fields.isNull("truncate")
    let scale = try fields.optionalDouble("mscale", in: -1e3...1e3)
    let allScale = try fields.optionalDouble("mscale_all_dim", in: -1e3...1e3)
    let factor =
      try fields.optionalDouble("attention_factor", in: 0...1e6)
      ?? Yarn.attentionFactor(yarn.factor, scale: scale, allScale: allScale)
    guard factor.isFinite else { throw fields.wrong("mscale_all_dim", "a scale that does not divide by zero") }
    return (.yarn(yarn), factor)
  }

  private static func longRope(
    _ fields: inout FieldReader, _ originalContext: Double, context: Double, pairs: Int
  ) throws(HybridizeError) -> (Scaling, Double) {
    let tables = LongRope(
      short: try fields.doubles("short_factor", count: pairs, in: 1e-6...1e6),
      long: try fields.doubles("long_factor", count: pairs, in: 1e-6...1e6), originalContext: originalContext)
    let factor = try fields.optionalDouble("factor", in: 1e-6...1e6) ?? context / originalContext
    if let given = try fields.optionalDouble("attention_factor", in: 0...1e6) { return (.longRope(tables), given) }
    guard originalContext > 1 else { throw fields.wrong("original_max_position_embeddings", "more than 1") }
    return (.longRope(tables), LongRope.attentionFactor(factor, originalContext: originalContext))
  }

  /// Positions for which the scaling is made, where these are more than `max_position_embeddings`.
  func contextLength(atLeast context: Int) -> Int {
    switch scaling {
    case .dynamic(let factor, let original): max(context, Int(min(factor * original, Double(1 << 30))))
    case .yarn(let yarn): max(context, Int(min(yarn.factor * yarn.originalContext, Double(1 << 30))))
    default: context
    }
  }
}
