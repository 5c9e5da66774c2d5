import HybridizeCore

extension KerasLayout {
  /// As Keras 3 saves the weights of a model of KerasHub.
  ///
  /// - Parameter configuration: Hugging Face's, for the family and the numbers of heads.
  /// - Throws: `.kerasHubNoCounterpart` for another family, `.hdf5NoPlace` for a tensor that the model does not have,
  ///   `.hdf5WrongShape`, `.duplicateName`.
  static func plan(
    _ tensors: [TensorDescriptor], configuration: JSONObject
  ) throws(HybridizeError) -> HDF5Plan {
    let family = try KerasHubFamily.of(configuration)
    var plan = HDF5Plan()
    var layers = Set<Int>()
    for tensor in tensors {
      guard let (rule, layer) = family.match(huggingFace: tensor.name) else {
        throw HybridizeError(
          .hdf5NoPlace, tensor: tensor.name, expected: "tensors of KerasHub's \(family.writtenClass)",
          remedy: "write the flat layout, which takes every tensor")
      }
      let shapes = try rule.shape(of: tensor, configuration)
      let group = layer.map { family.group(at: $0) } ?? ""
      let paths = rule.keras.map { "layers/" + $0.replacing("{}", with: group) }
      let form: TensorForm = if case .joined = rule.form, paths.count == 1 { .same } else { rule.form }
      try plan.place(tensor, in: paths.map { ($0, shapes) }, form: form, isKeras: true)
      if let layer { layers.insert(layer) }
    }
    // Names of the layers' own, by which readers know their order.
    for layer in layers.sorted() {
      plan.attributes.append(
        HDF5Plan.Attribute(
          group: "layers/\(family.group(at: layer))/vars", name: "name", value: .text("transformer_layer_\(layer)")))
    }
    return plan
  }
}

extension KerasHubFamily {
  /// - Throws: `.kerasHubNoCounterpart`.
  static func of(_ configuration: JSONObject) throws(HybridizeError) -> KerasHubFamily {
    let modelType = configuration["model_type"]?.stringValue
    guard let family = all.first(where: { $0.modelType == modelType }) else {
      throw HybridizeError(
        .kerasHubNoCounterpart, expected: "model_type " + all.map(\.modelType).joined(separator: ", "),
        found: modelType ?? "none", remedy: "write the flat layout, which takes every model")
    }
    return family
  }

  /// The class that KerasHub itself makes of Hugging Face's checkpoints: the newest.
  var writtenClass: String { classes[classes.count - 1] }

  /// - Throws: `.kerasHubNoCounterpart`.
  static func headCount(_ heads: Heads, _ configuration: JSONObject) throws(HybridizeError) -> Int {
    let queries = configuration["num_attention_heads"] ?? configuration["n_head"]
    let found = heads == .query ? queries : configuration["num_key_value_heads"] ?? queries
    guard let count = found?.integerValue, count > 0 else {
      throw HybridizeError(.kerasHubNoCounterpart, expected: "numbers of heads in the configuration", found: "none")
    }
    return count
  }
}

extension KerasHubFamily.Rule {
  /// The shape in Keras of each part of a tensor.
  ///
  /// - Throws: `.hdf5WrongShape`.
  fileprivate func shape(of tensor: TensorDescriptor, _ configuration: JSONObject) throws(HybridizeError) -> Shape {
    let dimensions = tensor.shape.dimensions
    func wrong(_ expected: String) -> HybridizeError {
      HybridizeError(.hdf5WrongShape, tensor: tensor.name, expected: expected, found: "\(tensor.shape)")
    }
    let inputs: Int
    let isVector: Bool
    var sides: (rows: Int, columns: Int)
    switch form {
    case .same: return tensor.shape
    case .transposed(let count):
      guard dimensions.count == 2 else { throw wrong("2 dimensions") }
      (inputs, isVector) = (count, false)
      sides = (dimensions[1], dimensions[0])
    case .joined(let count):
      guard dimensions.count == (count == 0 ? 1 : 2) else { throw wrong("\(count == 0 ? 1 : 2) dimensions") }
      (inputs, isVector) = (count, count == 0)
      sides = (dimensions[0], dimensions[dimensions.count - 1])
      guard sides.columns % keras.count == 0 else { throw wrong("\(keras.count) parts of the same size") }
      sides.columns /= keras.count
    }
    var rows = isVector ? [] : [sides.rows]
    var columns = [sides.columns]
    if let heads {
      let count = try KerasHubFamily.headCount(heads, configuration)
      let side = inputs == 2 ? sides.rows : sides.columns
      guard side % count == 0 else { throw wrong("\(count) heads of the same size") }
      if inputs == 2 { rows = [count, side / count] } else { columns = [count, side / count] }
    }
    return Shape(rows + columns)
  }
}

extension Problem {
  public static let kerasHubNoCounterpart = Problem(
    "kerasHubNoCounterpart", .output, "KerasHub has no counterpart of this model")
}
