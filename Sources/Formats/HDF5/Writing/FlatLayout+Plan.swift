import HybridizeCore

extension FlatLayout {
  /// - Throws: `.duplicateName`, `.hdf5NoPlace`.
  static func plan(
    _ tensors: [TensorDescriptor], metadata pairs: [(key: String, value: String)]
  ) throws(HybridizeError) -> HDF5Plan {
    var plan = HDF5Plan()
    plan.attributes.append(HDF5Plan.Attribute(group: "", name: marker, value: .integer(version)))
    if !pairs.isEmpty {
      var object = JSONObject()
      for (key, value) in pairs { object[key] = .string(value) }
      plan.attributes.append(
        HDF5Plan.Attribute(group: "", name: metadata, value: .text(JSONWriter.compact(.object(object)))))
    }
    for tensor in tensors {
      try plan.place(tensor, in: [(datasetName(tensor.name), tensor.shape)], isKeras: false)
    }
    return plan
  }
}
