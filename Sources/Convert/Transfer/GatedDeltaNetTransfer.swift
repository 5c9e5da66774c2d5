import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Softmax attention to gated DeltaNet: query, key, value and output projections are the teacher's, key and value
/// expanded by whole head blocks where the plan asks for it; gates are new.
///
/// Expanded by head block, head `i` of the student has key and value head `i / groupSize` of the teacher. (The
/// published code repeats single rows, which mixes the channels of a head.)
public struct GatedDeltaNetTransfer: TransferRule {
  /// Kernel of the convolutions, as every engine has it.
  public static let convolutionKernel = 4

  private let options: GatedDeltaNetOptions

  public init(_ mixer: GatedDeltaNetOptions) { options = mixer }

  public static func mixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> GatedDeltaNetOptions {
    let grouped = choice.preset != .portable && !choice.expandKeyValue
    var options = GatedDeltaNetOptions(keyValueHeads: grouped ? model.keyValueHeads : model.heads)
    switch choice.preset {
    case .best:
      options.rotary = true
      options.convolution = convolutionKernel
      options.qkvBias = model.queryKeyValueBias
      options.qkNormGain = model.queryKeyNorm
    case .portable: options.convolution = convolutionKernel
    case .paper: break
    }
    return options
  }

  public func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    try check(model)
    let names = model.architecture.tensors
    let prefix = names.layerPrefix(layer)
    let origins = [
      "q_proj": names.query, "k_proj": names.key, "v_proj": names.value, "o_proj": names.output,
    ]
    let repeats = options.keyValueHeads / model.keyValueHeads
    var steps: [TransferStep] = []
    for requirement in options.tensors(model) {
      let name = prefix + requirement.name
      let parts = requirement.name.split(separator: ".")
      let part = String(parts[1])
      if let origin = origins[part] {
        let source = try context.descriptor(prefix + origin + "." + parts[2])
        let isGrouped = part == "k_proj" || part == "v_proj"
        steps.append(
          TransferStep(
            try TensorDescriptor(name: name, elementType: source.elementType, shape: requirement.shape),
            isGrouped && repeats > 1
              ? .repeatHeads(source.name, rows: model.headDimension, times: repeats)
              : .copy(source.name, from: .source)))
      } else if part == "q_norm" || part == "k_norm" {
        let source = try context.descriptor(prefix + (part == "q_norm" ? names.queryNorm : names.keyNorm))
        steps.append(
          TransferStep(
            try TensorDescriptor(name: name, elementType: source.elementType, shape: requirement.shape),
            .copy(source.name, from: .source)))
      } else {
        steps.append(try new(requirement, name: name, part: part, context, like: prefix + names.query + ".weight"))
      }
    }
    return steps
  }

  /// What the mixer takes from the teacher must be there to take.
  private func check(_ model: ModelConfiguration) throws(HybridizeError) {
    func refuse(_ expected: String, _ found: String) -> HybridizeError {
      HybridizeError(.badMixerOption, expected: expected, found: found)
    }
    guard options.keyValueHeads % model.keyValueHeads == 0, model.heads % options.keyValueHeads == 0 else {
      throw refuse(
        "keyValueHeads: a multiple of \(model.keyValueHeads) that divides \(model.heads)",
        "keyValueHeads: \(options.keyValueHeads)")
    }
    guard !options.qkvBias || model.queryKeyValueBias else {
      throw refuse("qkvBias: false, as the source has no such biases", "qkvBias: true")
    }
    guard !options.qkNormGain || model.queryKeyNorm else {
      throw refuse("qkNormGain: false, as the source has no such norms", "qkNormGain: true")
    }
  }

  /// A tensor that the teacher has nothing for. Projections have the type of the teacher's.
  private func new(
    _ requirement: TensorRequirement, name: String, part: String, _ context: TransferContext, like query: String
  ) throws(HybridizeError) -> TransferStep {
    let model = context.source.configuration
    let initialisation = context.plan.initialisation
    let seed = context.plan.seed
    let heads = model.heads
    let count = try requirement.shape.elementCount()
    let bound = 1 / Double(model.hiddenSize).squareRoot()
    let kernel = options.convolution
    let elementType = requirement.keepsPrecision ? .float32 : try context.descriptor(query).elementType
    let values: @Sendable () -> [Double]
    switch part {
    case "A_log":
      values = {
        var generator = SeededGenerator(seed: seed, stream: name)
        return initialisation.logRates(heads: heads, generator: &generator)
      }
    case "dt_bias":
      values = {
        var generator = SeededGenerator(seed: seed, stream: name)
        return initialisation.decayBiases(heads: heads, generator: &generator)
      }
    case "o_norm": values = { Array(repeating: 1, count: count) }
    case "q_conv1d", "k_conv1d", "v_conv1d":
      // The last tap alone: a convolution that changes nothing.
      values = { (0..<count).map { $0 % kernel == kernel - 1 ? 1 : 0 } }
    default:
      let scale = part == "a_proj" ? bound * initialisation.decayProjectionScale : bound
      values = {
        var generator = SeededGenerator(seed: seed, stream: name)
        return (0..<count).map { _ in generator.uniform(-scale, scale) }
      }
    }
    return TransferStep(
      try TensorDescriptor(name: name, elementType: elementType, shape: requirement.shape), .values(values))
  }
}
