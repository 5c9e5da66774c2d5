import HybridizeCore
import HybridizeFormats

/// How the tensors of a checkpoint and those that its model asks for find each other.
///
/// Most checkpoints have exactly the model's names, and nothing is noted here.
public struct CheckpointNames: Sendable {
  /// A tensor that lies under another name than the model's.
  public struct Renaming: Sendable, Equatable {
    public let name: String
    public let stored: String
  }

  /// A tensor that no model reads.
  public struct Unread: Sendable, Equatable {
    /// As the checkpoint names it.
    public let tensor: String
    public let reason: String
  }

  /// In the order of the checkpoint.
  public let renamed: [Renaming]
  /// In the order of the checkpoint.
  public let unread: [Unread]
  /// Biases that config.json asks for and the checkpoint lacks: zeros, as transformers takes them.
  public let zeros: [TensorDescriptor]

  /// - Throws: `.ambiguousName`, `.unmergedAdapter`, `.quantizedWeights`, `.sizeOverflow`.
  init(
    _ reader: any TensorReader, _ layout: ModelLayout, _ model: ModelConfiguration
  ) throws(HybridizeError) {
    let headName = model.architecture.tensors.head
    let wanted = layout.tensors.map(\.name) + (model.tiedHead ? [headName] : [])
    let exact = Set(wanted.map { UTF8Key($0) })
    let index = TensorNameIndex(wanted)
    var stored: [UTF8Key: String] = [:]
    var others: [TensorDescriptor] = []
    for tensor in reader.tensors where !exact.contains(UTF8Key(tensor.name)) {
      guard let name = index.name(for: tensor.name), reader.descriptor(named: name) == nil else {
        others.append(tensor)
        continue
      }
      if let first = stored.updateValue(tensor.name, forKey: UTF8Key(name)) {
        throw HybridizeError(
          .ambiguousName, file: reader.path, tensor: name, expected: "one tensor",
          found: "\(ErrorText.escape(first)) and \(ErrorText.escape(tensor.name))")
      }
    }
    func place(_ name: String) -> String? {
      stored[UTF8Key(name)] ?? reader.descriptor(named: name).map { _ in name }
    }
    if model.tiedHead, place(layout.embedding.name) == nil, let head = place(headName) {
      stored[UTF8Key(headName)] = nil
      stored[UTF8Key(layout.embedding.name)] = head
    }
    let unread = UnreadTensors(others.map(\.name), model)
    var reasons: [Unread] = []
    for tensor in others {
      let file = reader.file(of: tensor.name) ?? reader.path
      if let reason = unread.reason(tensor) {
        reasons.append(Unread(tensor: tensor.name, reason: reason))
      } else if tensor.name.contains(".lora_") {
        throw HybridizeError(
          .unmergedAdapter, file: file, tensor: tensor.name,
          remedy: "merge it in Python before saving: model.merge_and_unload().save_pretrained(OUT)")
      } else if let error = QuantizedRemains.error(tensor, in: file) {
        throw error
      }
    }
    self.unread = reasons
    renamed = Self.renamings(reader, wanted, stored)
    zeros = try Self.zeros(layout, model) { name in place(name).flatMap(reader.descriptor) }
  }

  private static func renamings(
    _ reader: any TensorReader, _ wanted: [String], _ stored: [UTF8Key: String]
  ) -> [Renaming] {
    guard !stored.isEmpty else { return [] }
    var names: [UTF8Key: String] = [:]
    for name in wanted { if let other = stored[UTF8Key(name)] { names[UTF8Key(other)] = name } }
    return reader.tensors.compactMap { tensor in
      names[UTF8Key(tensor.name)].map { Renaming(name: $0, stored: tensor.name) }
    }
  }

  /// Biases of projections whose weight is there.
  private static func zeros(
    _ layout: ModelLayout, _ model: ModelConfiguration, _ find: (String) -> TensorDescriptor?
  ) throws(HybridizeError) -> [TensorDescriptor] {
    let names = model.architecture.tensors
    let projections = [names.query, names.key, names.value, names.output, names.gate, names.up, names.down]
    var zeros: [TensorDescriptor] = []
    for layer in layout.layers {
      for tensor in layer.tensors {
        guard let projection = projections.first(where: { tensor.name == layer.prefix + $0 + ".bias" }),
          find(tensor.name) == nil, let weight = find(layer.prefix + projection + ".weight")
        else { continue }
        zeros.append(
          try TensorDescriptor(
            name: tensor.name, elementType: weight.elementType.isFloat8 ? .bfloat16 : weight.elementType,
            shape: tensor.shape))
      }
    }
    return zeros
  }

  /// The checkpoint as the model reads it: under the model's names, with zeros for absent biases, without what no model
  /// reads unless that is asked for.
  func reader(over base: any TensorReader, keepingUnread: Bool = false) -> any TensorReader {
    let hidden = keepingUnread ? [] : Set(unread.map { UTF8Key($0.tensor) })
    if renamed.isEmpty, hidden.isEmpty, zeros.isEmpty { return base }
    return ModelReader(base, self, hidden: hidden)
  }

  /// What is worth knowing, a line each; nothing for most checkpoints.
  package var notes: [String] {
    var lines: [String] = []
    func list(_ names: [String]) -> String {
      let shown = names.prefix(2).map(ErrorText.escape).joined(separator: ", ")
      return names.count > 2 ? shown + " and \(names.count - 2) more" : shown
    }
    var reasons: [String] = []
    for item in unread where !reasons.contains(item.reason) { reasons.append(item.reason) }
    for reason in reasons {
      lines.append("not read: \(list(unread.filter { $0.reason == reason }.map(\.tensor))): \(reason)")
    }
    if let first = renamed.first {
      let others = renamed.count > 1 ? " and \(renamed.count - 1) more" : ""
      lines.append("read under other names: \(ErrorText.escape(first.stored)) as \(first.name)\(others)")
    }
    if !zeros.isEmpty { lines.append("absent and taken as zeros: \(list(zeros.map(\.name)))") }
    return lines
  }

  /// For reports: `unread`, `renamed` and `zeros`.
  package var json: JSONObject {
    [
      "unread": .array(unread.map { .object(["tensor": .string($0.tensor), "reason": .string($0.reason)]) }),
      "renamed": .array(renamed.map { .object(["name": .string($0.name), "stored": .string($0.stored)]) }),
      "zeros": .array(zeros.map { .string($0.name) }),
    ]
  }
}

extension Problem {
  public static let ambiguousName = Problem("ambiguousName", .inputFile, "two tensors may be meant by one name")
  public static let unmergedAdapter = Problem(
    "unmergedAdapter", .inputFile, "the checkpoint has an adapter among its weights that was not merged")
}
