import HybridizeCore

/// Files that name their weights in attributes: Keras 2 (`save_weights`, `model.save`) and Hugging Face's TensorFlow
/// models. A group has `layer_names`, each layer's group has `weight_names`, paths from there.
///
/// Shards of Hugging Face's have `layer_names` too, but those are the datasets themselves.
enum NamedWeightsLayout {
  /// The group with the names: the root, or the part of a whole saved model that holds its weights.
  static func group(of file: HDF5File) -> HDF5File.Object? {
    for path in ["/", "/model_weights"] {
      if let object = file.object(at: path), object.dataset == nil, object.attributes.strings("layer_names") != nil {
        return object
      }
    }
    return nil
  }

  static func contents(_ file: HDF5File, _ group: HDF5File.Object) throws(HybridizeError) -> HDF5Contents {
    let weights = try weights(file, group)
    let isTensorFlow = weights.contains { TensorFlowNames.isOne($0.name) || $0.isShard }
    var tensors: [HDF5Tensor] = []
    for weight in weights {
      tensors.append(
        isTensorFlow
          ? try TensorFlowNames.tensor(weight.name, weight.dataset, dropsModel: !weight.isShard)
          : try HDF5Tensor(name: TensorFlowNames.withoutOutput(weight.name), file: 0, parts: [weight.dataset]))
    }
    return HDF5Contents(tensors: tensors)
  }

  private struct Weight {
    let name: String
    let dataset: HDF5Dataset
    /// Its name has been a layer's.
    let isShard: Bool
  }

  /// Where Keras puts the weights of the model itself.
  static let topLevel = "top_level_model_weights"

  private static func weights(_ file: HDF5File, _ group: HDF5File.Object) throws(HybridizeError) -> [Weight] {
    var weights: [Weight] = []
    var named = Set<UTF8Key>()
    let prefix = group.path == "/" ? "" : group.path
    for layer in (group.attributes.strings("layer_names") ?? []) + [topLevel] {
      let path = "\(prefix)/\(layer)"
      guard let object = file.object(at: path) else {
        if layer == topLevel { continue }
        throw HybridizeError(.hdf5MissingWeight, tensor: path, expected: "a layer of layer_names")
      }
      if let dataset = object.dataset {
        named.insert(UTF8Key(path))
        weights.append(Weight(name: layer, dataset: dataset, isShard: true))
        continue
      }
      for name in object.attributes.strings("weight_names") ?? [] {
        guard let dataset = file.object(at: "\(path)/\(name)")?.dataset else {
          throw HybridizeError(.hdf5MissingWeight, tensor: "\(path)/\(name)", expected: "a dataset of weight_names")
        }
        named.insert(UTF8Key("\(path)/\(name)"))
        weights.append(Weight(name: name, dataset: dataset, isShard: false))
      }
    }
    for object in file.datasets where object.path.hasPrefix(prefix + "/") && !named.contains(UTF8Key(object.path)) {
      throw HybridizeError(.hdf5UnnamedWeight, tensor: object.path, expected: "its name in layer_names or weight_names")
    }
    return weights
  }
}

/// How Hugging Face's TensorFlow models name weights, and what PyTorch calls them.
package enum TensorFlowNames {
  /// `transformer/h_._0/attn/c_attn/weight` and the like; the first name is the model's.
  static func isOne(_ name: String) -> Bool {
    name.contains("_._") || name.contains("___") || name.hasPrefix("tf_") || name.hasPrefix("tfgpt2")
  }

  /// Without the number of the output that TensorFlow adds to every variable.
  static func withoutOutput(_ name: String) -> String { name.hasSuffix(":0") ? String(name.dropLast(2)) : name }

  /// - Parameter dropsModel: the first name of the path is the model's.
  static func tensor(_ name: String, _ dataset: HDF5Dataset, dropsModel: Bool) throws(HybridizeError) -> HDF5Tensor {
    let (converted, isKernel) = huggingFace(name, dropsModel: dropsModel)
    let shape = dataset.shape.dimensions
    // TensorFlow's Conv1D keeps its bias as a row.
    let isRow = converted.hasSuffix(".bias") && shape.count == 2 && shape[0] == 1
    return try HDF5Tensor(
      name: converted, file: 0, parts: [dataset], form: isKernel && shape.count == 2 ? .transposed(inputs: 1) : .same,
      shape: isRow ? [shape[1]] : nil)
  }

  /// PyTorch's name, and whether the weight is a kernel, which PyTorch has the other way round.
  package static func huggingFace(_ name: String, dropsModel: Bool) -> (name: String, isKernel: Bool) {
    var parts = withoutOutput(name).split(separator: "/").flatMap { part in
      // `a___b` stands for b, and `h_._0` for the element 0 of the list h.
      let last = separated(String(part), by: "___").last ?? ""
      return separated(last, by: "_._")
    }
    if dropsModel, parts.count > 1 { parts.removeFirst() }
    guard let last = parts.popLast() else { return (name, false) }
    let isKernel = last == "kernel"
    let leaf = ["kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"][last] ?? last
    return ((parts + [leaf]).joined(separator: "."), isKernel)
  }

  private static func separated(_ text: String, by separator: String) -> [String] {
    var parts: [String] = []
    var rest = text[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}

extension Problem {
  public static let hdf5MissingWeight = Problem(
    "hdf5MissingWeight", .inputFile, "the file names a weight that is not there")
  public static let hdf5UnnamedWeight = Problem(
    "hdf5UnnamedWeight", .inputFile, "the file holds a weight that its list of names leaves out")
}
