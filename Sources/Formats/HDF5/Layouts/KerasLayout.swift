import HybridizeCore

/// Keras 3's `.weights.h5`, and whatever else has no list of names: paths of attributes from the model, and weights by
/// number in groups `vars`.
///
/// Weights of a KerasHub family get Hugging Face's names; where a file is of none, names are the paths of the datasets.
enum KerasLayout {
  /// - Parameter files: one, or the shards of one checkpoint.
  static func tensors(_ files: [HDF5File]) throws(HybridizeError) -> [HDF5Tensor] {
    var weights: [Weight] = []
    for (index, file) in files.enumerated() {
      for object in file.datasets {
        guard let dataset = object.dataset else { continue }
        weights.append(Weight(path: String(object.path.dropFirst()), dataset: dataset, file: index))
      }
    }
    for family in KerasHubFamily.all {
      if let tensors = try HubNames(family, files)?.tensors(weights) { return tensors }
    }
    var tensors: [HDF5Tensor] = []
    for weight in weights {
      tensors.append(try HDF5Tensor(name: weight.path, file: weight.file, parts: [weight.dataset]))
    }
    return tensors
  }

  fileprivate struct Weight {
    let path: String
    let dataset: HDF5Dataset
    let file: Int
  }
}

/// The weights of a model of one family.
private struct HubNames {
  private let family: KerasHubFamily
  /// What stands before the layers: the backbone is a part of a task's model.
  private let prefix: String
  /// The number of the layer in each decoder group, by position.
  private let layers: [Int: Int]

  /// `nil` if no file has a decoder layer of the family.
  init?(_ family: KerasHubFamily, _ files: [HDF5File]) throws(HybridizeError) {
    var prefix: String?
    var layers: [Int: Int] = [:]
    for file in files {
      for object in file.objects where object.dataset == nil {
        guard let slash = object.path.lastIndex(of: "/"),
          let position = family.position(ofGroup: object.path[object.path.index(after: slash)...])
        else { continue }
        let above = object.path[..<slash].dropFirst()
        guard above.hasSuffix("layers") || above.hasSuffix("_layer_checkpoint_dependencies") else { continue }
        guard prefix == nil || prefix == String(above) else { return nil }
        prefix = String(above)
        let name = file.object(at: object.path + "/vars")?.attributes.string("name")
        layers[position] = name.flatMap(Self.trailingNumber) ?? layers[position] ?? position
      }
    }
    guard let prefix else { return nil }
    self.family = family
    self.prefix = prefix + "/"
    // Names that are no numbering of the layers are not believed.
    let isNumbering = Set(layers.values) == Set(0..<layers.count)
    self.layers = isNumbering ? layers : Dictionary(uniqueKeysWithValues: layers.keys.map { ($0, $0) })
  }

  /// The number at the end of `transformer_layer_11`.
  private static func trailingNumber(_ name: String) -> Int? {
    guard let mark = name.lastIndex(of: "_") else { return nil }
    return Int(name[name.index(after: mark)...])
  }

  /// - Throws: `.hdf5WrongShape`, `.hdf5MissingWeight` if a part of a joined tensor is not there.
  func tensors(_ weights: [KerasLayout.Weight]) throws(HybridizeError) -> [HDF5Tensor] {
    var tensors: [HDF5Tensor] = []
    var joined: [UTF8Key: (rule: KerasHubFamily.Rule, parts: [Int: KerasLayout.Weight])] = [:]
    for weight in weights {
      guard weight.path.hasPrefix(prefix),
        let (rule, part, position) = family.match(keras: String(weight.path.dropFirst(prefix.count)))
      else {
        // Nothing is dropped: what no rule knows keeps its path.
        tensors.append(try HDF5Tensor(name: weight.path, file: weight.file, parts: [weight.dataset]))
        continue
      }
      let layer = position.flatMap { layers[$0] }
      let name = rule.huggingFace.replacing("{}", with: layer.map { String($0) } ?? "{}")
      joined[UTF8Key(name), default: (rule, [:])].parts[part] = weight
    }
    for (name, found) in joined.sorted(by: { $0.key.string < $1.key.string }) {
      let parts = found.rule.keras.indices.compactMap { found.parts[$0] }
      guard let first = parts.first, parts.count == found.rule.keras.count,
        parts.allSatisfy({ $0.file == first.file })
      else {
        throw HybridizeError(
          .hdf5MissingWeight, tensor: name.string, expected: found.rule.keras.joined(separator: ", ") + " in one file",
          found: parts.map(\.path).joined(separator: ", "))
      }
      tensors.append(
        try HDF5Tensor(
          name: name.string, file: first.file, parts: parts.map(\.dataset), form: found.rule.form))
    }
    return tensors
  }
}
