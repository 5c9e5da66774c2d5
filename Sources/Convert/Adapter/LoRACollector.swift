import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Puts the tensors of an adapter together by the tensor of the model that they change.
struct LoRACollector {
  /// What the adapter has of one module, under the name that peft knows it by.
  private struct Module {
    var first: String?
    var second: String?
    var bias: String?
    var isEmbedding = false
    /// What it has whole is the model's own parameter, not a copy's.
    var isBase = false
    /// By `weight` or `bias`.
    var whole: [String: String] = [:]
  }

  private let model: ModelDirectory
  private let index: TensorNameIndex
  private var modules: [String: Module] = [:]
  /// In the order in which they were met.
  private var names: [String] = []

  init(_ model: ModelDirectory) {
    self.model = model
    // The head of a tied model is another name of the embedding.
    index = TensorNameIndex(model.layout.tensors.map(\.name) + [model.configuration.architecture.tensors.head])
  }

  /// - Throws: `.adapterTensor`, `.adapterUnsupported`.
  mutating func take(_ tensor: TensorDescriptor) throws(HybridizeError) {
    let prefix = "base_model.model."
    let name = tensor.name.hasPrefix(prefix) ? String(tensor.name.dropFirst(prefix.count)) : tensor.name
    if name.contains(".lora_magnitude_vector") {
      throw HybridizeError(.adapterUnsupported, tensor: tensor.name, expected: "plain LoRA", found: "DoRA")
    }
    guard let part = Part(name) else { throw unknown(tensor) }
    var module = modules[part.module] ?? Module()
    let former: String?
    switch part.kind {
    case .first, .embeddingFirst: (former, module.first) = (module.first, tensor.name)
    case .second, .embeddingSecond: (former, module.second) = (module.second, tensor.name)
    case .bias: (former, module.bias) = (module.bias, tensor.name)
    case .whole(let what): former = module.whole.updateValue(tensor.name, forKey: what)
    }
    guard former == nil else {
      throw HybridizeError(
        .adapterTensor, tensor: tensor.name, expected: "one tensor", found: "also \(ErrorText.escape(former ?? ""))")
    }
    if part.kind == .embeddingFirst || part.kind == .embeddingSecond { module.isEmbedding = true }
    if part.isBase { module.isBase = true }
    if modules[part.module] == nil { names.append(part.module) }
    modules[part.module] = module
  }

  /// - Throws: as `LoRAAdapter`.
  func changes(
    _ reader: any TensorReader, _ configuration: LoRAConfiguration
  ) throws(HybridizeError) -> [UTF8Key: LoRAAdapter.Change] {
    var changes: [UTF8Key: LoRAAdapter.Change] = [:]
    var owners: [UTF8Key: String] = [:]
    var budget = 50_000_000
    for name in names {
      guard let module = modules[name] else { continue }
      let (rank, scale) = try configuration.factors(of: name, &budget)
      for (part, change) in try parts(module, name, rank, scale) {
        let target = try target(name + "." + part, of: change.anyTensor)
        if let other = owners.updateValue(name, forKey: UTF8Key(target.name)) {
          try checkTie(change, changes[UTF8Key(target.name)], reader, target, names: [other, name])
        }
        try check(change, reader, target)
        changes[UTF8Key(target.name)] = change
      }
    }
    return try withTies(changes, owners, configuration)
  }

  /// The changes of a module's weight and bias.
  private func parts(
    _ module: Module, _ name: String, _ rank: Int, _ scale: Double
  ) throws(HybridizeError) -> [(part: String, change: LoRAAdapter.Change)] {
    var weight = LoRAAdapter.Change(replacement: module.whole["weight"])
    switch (module.first, module.second) {
    case (let first?, let second?):
      weight.product = LoRAAdapter.Product(
        first: first, second: second, rank: rank, scale: scale, isEmbedding: module.isEmbedding)
    case (nil, nil): break
    case (let one?, nil), (nil, let one?):
      throw HybridizeError(
        .adapterTensor, tensor: one, expected: "both matrices of \(ErrorText.escape(name))", found: "one")
    }
    var bias = LoRAAdapter.Change(replacement: module.whole["bias"])
    bias.addition = module.bias.map { ($0, scale) }
    return [("weight", weight), ("bias", bias)].filter { $0.1.anyTensor != nil }
  }

  /// The model's tensor that a module's part is.
  private func target(_ name: String, of tensor: String?) throws(HybridizeError) -> TensorDescriptor {
    let known = index.name(for: name)
    let isHead = known == model.configuration.architecture.tensors.head && model.configuration.tiedHead
    let found = isHead ? model.layout.embedding.name : known
    guard let found, let descriptor = model.reader.descriptor(named: found) else {
      throw HybridizeError(
        .adapterTensor, tensor: tensor,
        expected: "a part of a \(model.configuration.architecture.name) model with this config.json",
        found: ErrorText.escape(name), remedy: "give the model that the adapter was made for")
    }
    return descriptor
  }

  private func unknown(_ tensor: TensorDescriptor) -> HybridizeError {
    HybridizeError(
      .adapterTensor, tensor: tensor.name,
      expected: "lora_A, lora_B, lora_embedding_A, lora_embedding_B, weight or bias",
      found: "\(tensor.elementType.rawValue) \(tensor.shape)")
  }

  private func check(
    _ change: LoRAAdapter.Change, _ reader: any TensorReader, _ target: TensorDescriptor
  ) throws(HybridizeError) {
    guard target.elementType == .float64 || ElementCast.targets.contains(target.elementType) else {
      throw HybridizeError(
        .adapterBaseType, file: model.reader.path, tensor: target.name, expected: "F32, BF16, F16 or F64",
        found: target.elementType.rawValue, remedy: "convert the model with --keep all --dtype BF16 first")
    }
    func check(_ name: String, _ shape: Shape) throws(HybridizeError) {
      guard let found = reader.descriptor(named: name) else { throw reader.missing(name) }
      guard found.shape == shape else {
        throw HybridizeError(
          .wrongShape, tensor: name, expected: "\(shape), for \(target.name) \(target.shape)", found: "\(found.shape)")
      }
      guard ElementCast.sources.contains(found.elementType) else {
        throw HybridizeError(
          .adapterBaseType, tensor: name, expected: "F32, BF16, F16 or F64", found: found.elementType.rawValue)
      }
    }
    if let replacement = change.replacement { try check(replacement, target.shape) }
    if let addition = change.addition { try check(addition.tensor, target.shape) }
    if let product = change.product {
      let dimensions = target.shape.dimensions
      guard dimensions.count == 2 else {
        throw HybridizeError(
          .wrongShape, tensor: product.first, expected: "matrices for a matrix", found: "\(target.shape)")
      }
      let (outputs, inputs) = product.isEmbedding ? (dimensions[1], dimensions[0]) : (dimensions[0], dimensions[1])
      try check(product.first, [product.rank, inputs])
      try check(product.second, [outputs, product.rank])
    }
  }

  /// Embedding and head of a tied model may both be there if they say the same.
  private func checkTie(
    _ change: LoRAAdapter.Change, _ other: LoRAAdapter.Change?, _ reader: any TensorReader, _ target: TensorDescriptor,
    names: [String]
  ) throws(HybridizeError) {
    if let a = change.replacement, let b = other?.replacement, change.product == nil, other?.product == nil,
      try reader.tensor(named: a).hasSameContent(as: reader.tensor(named: b))
    {
      return
    }
    throw unties(names.joined(separator: " and ") + ", which differ")
  }

  /// A saved copy of a tied head changes as the embedding does; an embedding of a tied model that is exchanged takes the head
  /// with it only if that is what was trained.
  private func withTies(
    _ changes: [UTF8Key: LoRAAdapter.Change], _ owners: [UTF8Key: String], _ configuration: LoRAConfiguration
  ) throws(HybridizeError) -> [UTF8Key: LoRAAdapter.Change] {
    let head = model.configuration.architecture.tensors.head
    let embedding = UTF8Key(model.layout.embedding.name)
    guard model.configuration.tiedHead, let change = changes[embedding] else { return changes }
    let owner = owners[embedding] ?? ""
    let isCopy = configuration.copies(owner) && !(modules[owner]?.isBase ?? false)
    if change.replacement != nil, isCopy, !configuration.tiesWeights, !hasBoth(head) {
      throw unties("\(owner), one of the two alone")
    }
    var all = changes
    if model.reader.descriptor(named: head) != nil { all[UTF8Key(head)] = change }
    return all
  }

  /// Whether the adapter has embedding and head whole.
  private func hasBoth(_ head: String) -> Bool {
    let wholes = modules.filter { $0.value.whole["weight"] != nil }.compactMap { index.name(for: $0.key + ".weight") }
    return Set(wholes).isSuperset(of: [head, model.layout.embedding.name])
  }

  private func unties(_ found: String) -> HybridizeError {
    HybridizeError(
      .adapterUnties, expected: "a change of both at once, as tie_word_embeddings is true",
      found: ErrorText.escape(found),
      remedy: "write the model out with a head of its own and tie_word_embeddings false, and merge into that")
  }
}

/// What a tensor's name in an adapter says.
private struct Part {
  enum Kind: Equatable {
    case first, second, embeddingFirst, embeddingSecond
    /// Of the second matrix.
    case bias
    /// `weight` or `bias` of the module itself.
    case whole(String)
  }

  let module: String
  let kind: Kind
  /// The parameter of a module that the adapter's matrices were put around.
  var isBase = false

  /// `MODULE.lora_A.weight`, `MODULE.lora_A.default.weight`, `MODULE.lora_embedding_A`, `MODULE.modules_to_save.weight`,
  /// `MODULE.base_layer.bias`, `MODULE.weight` and the like; `nil` for other names.
  init?(_ name: String) {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    func cut(at index: Int) -> String { parts[..<index].joined(separator: ".") }
    if let index = parts.lastIndex(where: { $0.hasPrefix("lora_") }), index > 0 {
      let rest = parts[(index + 1)...]
      // The adapter's own name may stand in between.
      guard rest.count <= 2, let last = rest.last ?? parts.last else { return nil }
      switch (parts[index], last, rest.count) {
      case ("lora_A", "weight", 1...2): kind = .first
      case ("lora_B", "weight", 1...2): kind = .second
      case ("lora_B", "bias", 1...2): kind = .bias
      case ("lora_embedding_A", _, 0...1): kind = .embeddingFirst
      case ("lora_embedding_B", _, 0...1): kind = .embeddingSecond
      default: return nil
      }
      module = cut(at: index)
      return
    }
    guard let last = parts.popLast(), last == "weight" || last == "bias" else { return nil }
    if let index = parts.lastIndex(of: "modules_to_save") { parts.removeSubrange(index...) }
    if parts.last == "base_layer" {
      parts.removeLast()
      isBase = true
    }
    guard !parts.isEmpty else { return nil }
    module = parts.joined(separator: ".")
    kind = .whole(last)
  }
}

extension LoRAAdapter.Change {
  /// One of the adapter's tensors that make the change, to name it by.
  fileprivate var anyTensor: String? { replacement ?? product?.first ?? addition?.tensor }
}
