import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// A conversion that has been planned and accounted for, and not yet carried out: what `--dry-run` shows and what
/// `write` does are the same value.
public struct Conversion: Sendable {
  public let request: ConversionRequest
  public let source: ModelDirectory
  public let plan: Plan
  public let accounting: Accounting
  /// What is merged into the source's weights; `source` reads them merged.
  public let adapter: LoRAAdapter?
  let donor: ModelDirectory?
  /// Which programs load new mixers.
  let engines: String

  /// What was written.
  public struct Outcome: Sendable {
    /// What rounding to a narrower type has cost a tensor.
    public struct Loss: Sendable, Equatable {
      public let tensor: String
      /// Finite values that became infinite.
      public let overflows: Int
      /// Values that became zero.
      public let underflows: Int
    }

    public let path: String
    public let files: [WrittenEntry]
    /// Tensors that lost values.
    public let losses: [Loss]
    /// Tensors that an interrupted run had finished.
    public let continued: Int
    public let seconds: Double
    /// The largest amount of memory that the process has had.
    public let peakBytes: Int
  }

  /// Opens the source, makes the plan and accounts for every tensor. Writes nothing, and reads no more than the
  /// headers but where the source has a saved copy of a tied head, which is carried only if it is one.
  ///
  /// - Parameter methods: what to choose from.
  /// - Throws: what `ModelDirectory`, `LoRAAdapter`, `Plan` and `Accounting` throw; `.noTransferRule`,
  ///   `.mixersDoNotFit`.
  public init(_ request: ConversionRequest, methods: ConversionMethods = .standard) throws(HybridizeError) {
    self.request = request
    let base = try ModelDirectory(
      request.source, catalog: methods.catalog, mergesAdapter: request.adapter != nil)
    try base.checkTiedHead()
    adapter = try request.adapter.map { (path) throws(HybridizeError) in try LoRAAdapter(path, for: base) }
    let source = adapter?.applied(to: base) ?? base
    self.source = source
    let rule = try TransferRegistry.rule(named: request.mixer, of: methods.transfers)
    engines = rule.engines(request.choice.preset)
    var plan = try Plan(
      source.configuration, keep: request.layers(source.configuration),
      mixer: rule.chosenMixer(for: source.configuration, request.choice),
      initialisation: request.gates ?? request.choice.preset.initialisation, seed: request.seed)
    if let path = request.mixersFrom {
      let donor = try ModelDirectory(path, catalog: methods.catalog)
      try Self.check(donor, against: source, plan)
      plan = plan.replacing(donor.configuration.mixers)
      self.donor = donor
    } else {
      donor = nil
    }
    self.plan = plan
    accounting = try Accounting(
      source, plan, transfers: methods.transfers, mixersFrom: donor, roundedTo: request.elementType)
  }

  /// The donor must be a converted model of the same sizes, with a converted mixer wherever the plan wants one.
  private static func check(
    _ donor: ModelDirectory, against source: ModelDirectory, _ plan: Plan
  ) throws(HybridizeError) {
    func sizes(_ model: ModelConfiguration) -> String {
      "\(model.layerCount) layers, hidden \(model.hiddenSize), \(model.heads) heads of \(model.headDimension)"
    }
    guard sizes(donor.configuration) == sizes(source.configuration) else {
      throw HybridizeError(
        .mixersDoNotFit, file: donor.path, expected: sizes(source.configuration),
        found: sizes(donor.configuration))
    }
    if let layer = plan.converted.first(where: { donor.configuration.mixers[$0].isSoftmax }) {
      throw HybridizeError(
        .mixersDoNotFit, file: donor.path, expected: "a converted layer \(layer)", found: "softmax attention",
        remedy: "take mixers from a model that was converted with --keep none")
    }
  }

  /// config.json of the result: the source's, byte for byte where no layer is converted.
  ///
  /// - Throws: reading errors.
  func configuration() throws(HybridizeError) -> [UInt8] {
    var config = source.configuration.source
    setElementType(&config)
    guard !plan.converted.isEmpty else {
      // Byte for byte where it says the same; a Keras preset's says it in other words.
      let bytes = try FileSystem.read(source.path + "/config.json", limit: 64 << 20)
      return try JSONCursor.parse(bytes, takesNonFinite: true) == .object(config)
        ? bytes : Array(JSONWriter.indented(.object(config)).utf8)
    }
    let before = config["hybridize"]?.objectValue?["source"]?.objectValue ?? config
    config["model_type"] = .string(HybridDescription.modelType)
    config["architectures"] = .array([.string("HybridizeForCausalLM")])
    config["layer_types"] = .array(plan.mixers.map { .string(type(of: $0).layerType) })
    let description = HybridDescription(
      sourceModelType: before["model_type"]?.stringValue ?? source.configuration.architecture.name,
      sourceClasses: (before["architectures"]?.arrayValue ?? []).compactMap(\.stringValue),
      ignoredFields: source.configuration.ignoredFields, mixers: plan.mixers)
    config["hybridize"] = .object(description.json)
    return Array(JSONWriter.indented(.object(config)).utf8)
  }

  /// Where config.json names an element type, it is that of the weights.
  private func setElementType(_ config: inout JSONObject) {
    let names: [ElementType: String] = [.float32: "float32", .bfloat16: "bfloat16", .float16: "float16"]
    guard let type = request.elementType, let name = names[type] else { return }
    for field in ["torch_dtype", "dtype"] where config[field] != nil { config[field] = .string(name) }
  }
}

extension Problem {
  public static let mixersDoNotFit = Problem(
    "mixersDoNotFit", .argument, "the mixers of that model do not fit this one")
}
