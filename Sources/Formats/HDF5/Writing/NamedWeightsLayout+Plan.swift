import HybridizeCore

extension NamedWeightsLayout {
  /// Where a weight goes in a file with lists of names.
  private struct Weight {
    let layer: String
    /// As the list of the layer has it, without the number of the output.
    let name: String
    var shape: Shape
    var form = TensorForm.same
  }

  /// As Keras 2 saves a model whose layers are the modules. Names and shapes stay what they are.
  ///
  /// - Throws: `.hdf5NoPlace` for names that a reader would take for others; `.duplicateName`.
  static func keras2(_ tensors: [TensorDescriptor]) throws(HybridizeError) -> HDF5Plan {
    try plan(tensors, isKeras: true) { (tensor) throws(HybridizeError) in
      let dot = tensor.name.lastIndex(of: ".")
      let layer = dot.map { String(tensor.name[..<$0]) } ?? tensor.name
      guard !TensorFlowNames.isOne(tensor.name), layer != topLevel else {
        throw HybridizeError(
          .hdf5NoPlace, tensor: tensor.name, expected: "a name that is none of TensorFlow's",
          remedy: "write the flat layout, which takes every name")
      }
      return Weight(layer: layer, name: tensor.name, shape: tensor.shape)
    }
  }

  /// As Transformers' TensorFlow classes save GPT-2 or Mistral.
  ///
  /// - Throws: `.hdf5NoPlace` for a tensor that the class does not have; `.duplicateName`.
  static func tensorFlow(_ tensors: [TensorDescriptor]) throws(HybridizeError) -> HDF5Plan {
    let isGPT2 = tensors.contains { KerasHubFamily.gpt2.match(huggingFace: $0.name) != nil }
    return try plan(tensors, isKeras: false) { (tensor) throws(HybridizeError) in
      guard let weight = isGPT2 ? gpt2(tensor) : mistral(tensor) else {
        throw HybridizeError(
          .hdf5NoPlace, tensor: tensor.name,
          expected: "tensors of \(isGPT2 ? "TFGPT2LMHeadModel" : "TFMistralForCausalLM")",
          remedy: "write the flat layout, which takes every tensor")
      }
      return weight
    }
  }

  private static func gpt2(_ tensor: TensorDescriptor) -> Weight? {
    guard KerasHubFamily.gpt2.match(huggingFace: tensor.name) != nil else { return nil }
    var names = tensor.name.split(separator: ".").map { String($0) }
    guard var leaf = names.popLast(), let module = names.last else { return nil }
    var shape = tensor.shape
    if module.hasPrefix("ln_") {
      leaf = leaf == "weight" ? "gamma" : "beta"
    } else if module == "wte" || module == "wpe" {
      leaf = "embeddings"
    } else if leaf == "bias" {
      // TensorFlow's Conv1D keeps its bias as a row.
      shape = Shape([1] + shape.dimensions)
    }
    if let list = names.firstIndex(of: "h") { names.replaceSubrange(list...list + 1, with: ["h_._\(names[list + 1])"]) }
    let path = ["tfgpt2lm_head_model"] + names + [leaf]
    return Weight(layer: names[0], name: path.joined(separator: "/"), shape: shape)
  }

  private static func mistral(_ tensor: TensorDescriptor) -> Weight? {
    let kernels = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"]
    let gains = ["input_layernorm", "post_attention_layernorm", "norm"]
    guard KerasHubFamily.llama.match(huggingFace: tensor.name) != nil else { return nil }
    var names = tensor.name.split(separator: ".").map { String($0) }
    guard names.popLast() == "weight", let module = names.last else { return nil }
    if let list = names.firstIndex(of: "layers") {
      names.replaceSubrange(list...list + 1, with: ["layers.\(names[list + 1])"])
    }
    let path = (["tf_mistral_for_causal_lm"] + names).joined(separator: "/")
    if kernels.contains(module), tensor.shape.rank == 2 {
      return Weight(
        layer: names[0], name: path + "/kernel", shape: Shape(tensor.shape.dimensions.reversed()),
        form: .transposed(inputs: 1))
    }
    guard module == "embed_tokens" || gains.contains(module) else { return nil }
    let leaf = module == "embed_tokens" ? "embeddings" : "weight"
    return Weight(layer: names[0], name: "\(path)/\(leaf)", shape: tensor.shape)
  }

  private static func plan(
    _ tensors: [TensorDescriptor], isKeras: Bool,
    _ weight: (TensorDescriptor) throws(HybridizeError) -> Weight
  ) throws(HybridizeError) -> HDF5Plan {
    var plan = HDF5Plan()
    var layers: [String] = []
    var names: [UTF8Key: [String]] = [:]
    for tensor in tensors {
      let weight = try weight(tensor)
      let name = weight.name + ":0"
      try plan.place(
        tensor, in: [("\(weight.layer)/\(name)", weight.shape)], form: weight.form, isKeras: isKeras)
      if names[UTF8Key(weight.layer)] == nil { layers.append(weight.layer) }
      names[UTF8Key(weight.layer), default: []].append(name)
    }
    plan.attributes = [
      HDF5Plan.Attribute(group: "", name: "layer_names", value: .texts(layers)),
      HDF5Plan.Attribute(group: "", name: "backend", value: .text("tensorflow")),
      HDF5Plan.Attribute(group: "", name: "keras_version", value: .text("2.15.0")),
    ]
    for layer in layers {
      plan.attributes.append(
        HDF5Plan.Attribute(group: layer, name: "weight_names", value: .texts(names[UTF8Key(layer)] ?? [])))
    }
    return plan
  }
}
