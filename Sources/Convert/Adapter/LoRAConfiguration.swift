import HybridizeCore
import HybridizeRuntime

/// What adapter_config.json says of a LoRA adapter, as far as merging needs it. Which tensors it changes, its tensors tell.
struct LoRAConfiguration {
  private let rank: Int
  private let alpha: Double
  private let usesRootOfRank: Bool
  private let ranks: [(pattern: ModulePattern, value: Double)]
  private let alphas: [(pattern: ModulePattern, value: Double)]
  /// The head goes with the embedding, though only one of them is there.
  let tiesWeights: Bool
  /// Modules that were copied before training, by the ends of their names.
  private let copied: [String]

  /// - Throws: `.adapterUnsupported` for other kinds of adapters, and for a LoRA that is more than a sum of products;
  ///   `.adapterPattern`, `.missingField`, `.wrongField`, `.unknownField`.
  init(_ json: JSONObject) throws(HybridizeError) {
    guard let type = json["peft_type"]?.stringValue else {
      throw HybridizeError(.missingField, expected: "peft_type")
    }
    guard type == "LORA" else { throw Self.unsupported("peft_type LORA", String(type.prefix(100))) }
    for (name, value) in json.members where !Self.isEmpty(value) {
      if let kind = Self.unsupportedFields[name] { throw Self.unsupported("plain LoRA", "\(name): \(kind)") }
      guard Self.known.contains(name) else {
        throw HybridizeError(
          .unknownField, expected: "the fields of a LoRA adapter", found: String(name.prefix(100)),
          remedy: "merge it with the version of peft that made it")
      }
    }
    if let start = json["init_lora_weights"]?.stringValue,
      !["gaussian", "eva", "orthogonal"].contains(start.lowercased())
    {
      throw Self.unsupported(
        "plain LoRA", "init_lora_weights: \(start.prefix(100)), which changes the model's own weights at the start")
    }
    guard let rank = json["r"]?.integerValue, (1...1 << 20).contains(rank) else {
      throw HybridizeError(.wrongField, expected: "r: a whole number from 1", found: Self.text(json["r"]))
    }
    self.rank = rank
    alpha = try Self.number(json["lora_alpha"], "lora_alpha")
    usesRootOfRank = try Self.bool(json, "use_rslora")
    tiesWeights = try Self.bool(json, "ensure_weight_tying")
    copied = (json["modules_to_save"]?.arrayValue ?? []).compactMap(\.stringValue)
    ranks = try Self.patterns(json, "rank_pattern")
    alphas = try Self.patterns(json, "alpha_pattern")
  }

  /// Whether the adapter trained a copy of the module, which no longer is one with what it was tied to.
  func copies(_ module: String) -> Bool { copied.contains { module.hasSuffix($0) } }

  /// The rank of a module's matrices, and what their product is multiplied with: alpha / r, or alpha / sqrt(r)
  /// (Kalajdzievski 2023).
  ///
  /// - Parameter module: its name in the model that peft wrapped.
  /// - Parameter budget: steps of matching, for all modules together.
  /// - Throws: `.adapterPattern` when it is used up.
  func factors(of module: String, _ budget: inout Int) throws(HybridizeError) -> (rank: Int, scale: Double) {
    let rank = try Self.value(of: module, ranks, &budget).flatMap { Int(exactly: $0) } ?? rank
    let alpha = try Self.value(of: module, alphas, &budget) ?? alpha
    return (rank, alpha / (usesRootOfRank ? Double(rank).squareRoot() : Double(rank)))
  }

  /// The value of the first pattern that matches.
  private static func value(
    of module: String, _ patterns: [(pattern: ModulePattern, value: Double)], _ budget: inout Int
  ) throws(HybridizeError) -> Double? {
    for (pattern, value) in patterns where try pattern.matches(module, &budget) { return value }
    return nil
  }

  private static func isEmpty(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .bool(false): true
    case .array(let values): values.isEmpty
    case .object(let object): object.count == 0
    default: false
    }
  }

  private static func bool(_ json: JSONObject, _ name: String) throws(HybridizeError) -> Bool {
    switch json[name] {
    case nil, .null: return false
    case .bool(let value): return value
    case let other: throw HybridizeError(.wrongField, expected: "\(name): true or false", found: text(other))
    }
  }

  private static func number(_ value: JSONValue?, _ name: String) throws(HybridizeError) -> Double {
    guard let number = value?.doubleValue, number.isFinite else {
      throw HybridizeError(.wrongField, expected: "\(name): a number", found: text(value))
    }
    return number
  }

  private static func patterns(
    _ json: JSONObject, _ name: String
  ) throws(HybridizeError) -> [(pattern: ModulePattern, value: Double)] {
    guard let value = json[name], !value.isNull else { return [] }
    guard let object = value.objectValue, object.members.count <= 4096 else {
      throw HybridizeError(.wrongField, expected: "\(name): an object of at most 4096 patterns", found: text(value))
    }
    return try object.members.map { (member) throws(HybridizeError) in
      let number = try number(member.value, name)
      guard name != "rank_pattern" || number >= 1 && Int(exactly: number) != nil else {
        throw HybridizeError(.wrongField, expected: "\(name): whole numbers from 1", found: text(member.value))
      }
      return (try ModulePattern(member.key), number)
    }
  }

  private static func text(_ value: JSONValue?) -> String {
    value.map { String(JSONWriter.compact($0).prefix(100)) } ?? "nothing"
  }

  private static func unsupported(_ expected: String, _ found: String) -> HybridizeError {
    HybridizeError(
      .adapterUnsupported, expected: expected, found: found,
      remedy: "merge it in Python: model.merge_and_unload().save_pretrained(OUT), where that is possible")
  }

  /// What makes more of a LoRA than a product that is added, by field.
  private static let unsupportedFields: [String: String] = [
    "use_dora": "DoRA", "use_qalora": "QALoRA", "use_bdlora": "block-diagonal LoRA", "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA", "velora_config": "VeLoRA", "arrow_config": "a router of several adapters",
    "layer_replication": "repeated layers", "trainable_token_indices": "trained tokens",
    "target_parameters": "parameters that are no modules",
    "alora_invocation_tokens": "an adapter that tokens switch on",
  ]

  /// Fields that merging reads, and those that say only how the adapter was trained or which tensors it has.
  private static let known: Set<String> = [
    "peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "ensure_weight_tying",
    "init_lora_weights", "task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision",
    "inference_mode", "target_modules", "exclude_modules", "lora_dropout", "bias", "lora_bias", "modules_to_save",
    "layers_to_transform", "layers_pattern", "megatron_config", "megatron_core", "loftq_config", "eva_config",
    "corda_config", "lora_ga_config", "qalora_group_size", "runtime_config",
    // Of linear layers peft sets it back to false: their weights are [out, in].
    "fan_in_fan_out",
  ]
}

extension Problem {
  public static let adapterUnsupported = Problem(
    "adapterUnsupported", .inputFile, "adapters of this kind are not merged")
}
