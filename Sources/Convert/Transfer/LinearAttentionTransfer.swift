import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// What the transfer rules of linear mixers share: query, key, value and output projections are the teacher's, key and
/// value expanded by whole head blocks where the plan asks for it; convolutions change nothing at first; gates are new.
///
/// Expanded by head block, head `i` of the student has key and value head `i / groupSize` of the teacher. (The
/// published code repeats single rows, which mixes the channels of a head.)
struct LinearAttentionTransfer {
  /// Kernel of the convolutions, as every engine has it.
  static let convolutionKernel = 4

  /// The mixer's, below the layer's prefix.
  let tensors: [TensorRequirement]
  let keyValueHeads: Int
  let convolution: Int
  let qkvBias: Bool
  /// The option that carries the teacher's norms of query and key.
  let queryKeyNorm: (name: String, value: Bool)
  /// The projection that decays follow from, below `linear_attn.`.
  let decayProjection: String

  /// New values of one tensor.
  typealias Draw = @Sendable (_ generator: inout SeededGenerator) -> [Double]

  /// - Parameter gates: how a tensor of the mixer's gates starts, by its name below `linear_attn.`; the others start as
  ///   PyTorch draws them.
  func steps(
    layer: Int, _ context: TransferContext, gates: (String) -> Draw?
  ) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    try check(model)
    let names = model.architecture.tensors
    let prefix = names.layerPrefix(layer)
    let origins = [
      "q_proj": names.query, "k_proj": names.key, "v_proj": names.value, "o_proj": names.output,
    ]
    let repeats = keyValueHeads / model.keyValueHeads
    var steps: [TransferStep] = []
    for requirement in tensors {
      let name = prefix + requirement.name
      let parts = requirement.name.split(separator: ".")
      let part = String(parts[1])
      func copy(_ origin: String, expanded: Bool = false) throws(HybridizeError) -> TransferStep {
        let source = try context.descriptor(prefix + origin)
        return TransferStep(
          try TensorDescriptor(name: name, elementType: source.elementType, shape: requirement.shape),
          expanded
            ? .repeatHeads(source.name, rows: model.headDimension, times: repeats)
            : .copy(source.name, from: .source))
      }
      if let origin = origins[part] {
        let isGrouped = part == "k_proj" || part == "v_proj"
        steps.append(try copy(origin + "." + parts[2], expanded: isGrouped && repeats > 1))
      } else if part == "q_norm" || part == "k_norm" {
        steps.append(try copy(part == "q_norm" ? names.queryNorm : names.keyNorm))
      } else {
        let usual = try usual(requirement, part: part, context.plan.initialisation)
        let draw = gates(parts.dropFirst().joined(separator: ".")) ?? usual
        steps.append(try new(requirement, name: name, draw, context, like: prefix + names.query + ".weight"))
      }
    }
    return steps
  }

  /// What the mixer takes from the teacher must be there to take.
  private func check(_ model: ModelConfiguration) throws(HybridizeError) {
    func refuse(_ expected: String, _ found: String) -> HybridizeError {
      HybridizeError(.badMixerOption, expected: expected, found: found)
    }
    guard keyValueHeads % model.keyValueHeads == 0, model.heads % keyValueHeads == 0 else {
      throw refuse(
        "keyValueHeads: a multiple of \(model.keyValueHeads) that divides \(model.heads)",
        "keyValueHeads: \(keyValueHeads)")
    }
    guard !qkvBias || model.queryKeyValueBias else {
      throw refuse("qkvBias: false, as the source has no such biases", "qkvBias: true")
    }
    guard !queryKeyNorm.value || model.queryKeyNorm else {
      throw refuse(
        "\(queryKeyNorm.name): false, as the source has no such norms", "\(queryKeyNorm.name): true")
    }
  }

  /// How a tensor starts that is not the mixer's own affair.
  private func usual(
    _ requirement: TensorRequirement, part: String, _ initialisation: GateInitialisation
  ) throws(HybridizeError) -> Draw {
    let count = try requirement.shape.elementCount()
    let kernel = convolution
    switch part {
    case "o_norm", "g_norm_swish_gate": return { _ in Array(repeating: 1, count: count) }
    case "q_conv1d", "k_conv1d", "v_conv1d":
      // The last tap alone: a convolution that changes nothing.
      return { _ in (0..<count).map { $0 % kernel == kernel - 1 ? 1 : 0 } }
    default:
      let layer = requirement.name.split(separator: ".").dropLast().joined(separator: ".")
      let weight = tensors.first { $0.name == layer + ".weight" } ?? requirement
      let bound = 1 / Double(weight.shape.dimensions.last ?? 1).squareRoot()
      let isDecay = layer == "linear_attn." + decayProjection
      let scale = isDecay ? bound * initialisation.decayProjectionScale : bound
      return { generator in (0..<count).map { _ in generator.uniform(-scale, scale) } }
    }
  }

  /// A tensor that the teacher has nothing for. Projections have the type of the teacher's, but for float8, which is too
  /// coarse for what is trained.
  private func new(
    _ requirement: TensorRequirement, name: String, _ draw: @escaping Draw, _ context: TransferContext,
    like query: String
  ) throws(HybridizeError) -> TransferStep {
    let seed = context.plan.seed
    let teacher = try context.descriptor(query).elementType
    let elementType = requirement.keepsPrecision ? .float32 : teacher.isFloat8 ? .bfloat16 : teacher
    return TransferStep(
      try TensorDescriptor(name: name, elementType: elementType, shape: requirement.shape),
      .values {
        var generator = SeededGenerator(seed: seed, stream: name)
        return draw(&generator)
      })
  }
}

extension MixerChoice {
  /// Heads of key and value of a new linear mixer: the teacher's, unless a layout or the user wants one for every query
  /// head.
  func keyValueHeads(_ model: ModelConfiguration) -> Int {
    preset == .portable || expandKeyValue ? model.heads : model.keyValueHeads
  }
}
