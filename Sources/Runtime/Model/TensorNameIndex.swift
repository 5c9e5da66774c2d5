import HybridizeCore
import HybridizeFormats

/// Finds a model's tensors by names as tools save them: with a wrapper's prefix in front, or without the model's own.
///
/// Every name has a core, which is what is left when known prefixes are taken off; two names with one core are the same
/// tensor. `module.` is DistributedDataParallel's and DeepSpeed's, `_orig_mod.` that of torch.compile, `base_model.model.`
/// peft's, `pretrained_model.` that of trl's models with a value head, `language_model.` that of models with other senses
/// beside.
package struct TensorNameIndex: Sendable {
  private static let prefixes = [
    "model.", "module.", "_orig_mod.", "base_model.model.", "pretrained_model.", "language_model.",
  ]
  /// Parts that wrappers put anywhere in a name.
  private static let wrappers: Set<Substring> = [
    "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
  ]

  /// The model's name of each core.
  private var names: [UTF8Key: String] = [:]

  /// - Parameter names: of the model's tensors.
  package init(_ names: [String]) {
    for name in names { self.names[UTF8Key(Self.core(name))] = name }
  }

  /// The model's name for a tensor under any of its names; `nil` for what is no tensor of the model.
  package func name(for stored: String) -> String? { names[UTF8Key(Self.core(stored))] }

  /// The name without wrappers and known prefixes, however often they stand there.
  static func core(_ name: String) -> String {
    var rest = name[...]
    if wrappers.contains(where: { name.contains($0) }) {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      rest = parts.filter { !wrappers.contains($0) }.joined(separator: ".")[...]
    }
    while let prefix = prefixes.first(where: { rest.hasPrefix($0) }) { rest = rest.dropFirst(prefix.count) }
    return String(rest)
  }
}
