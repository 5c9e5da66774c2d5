import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Softmax attention to token shift: value and output projections are the teacher's, values expanded by head block;
/// query and key have no place, which the conversion reports by itself.
struct TokenShiftTransfer: TransferRule {
  static func mixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> TokenShiftSpecification {
    TokenShiftSpecification()
  }

  init(_ mixer: TokenShiftSpecification) {}

  func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep] {
    let model = context.source.configuration
    let names = model.architecture.tensors
    let prefix = names.layerPrefix(layer)
    let value = try context.descriptor(prefix + names.value + ".weight")
    let output = try context.descriptor(prefix + names.output + ".weight")
    return [
      TransferStep(
        try TensorDescriptor(
          name: prefix + "shift.v_proj.weight", elementType: value.elementType,
          shape: [model.heads * model.headDimension, model.hiddenSize]),
        .repeatHeads(value.name, rows: model.headDimension, times: model.heads / model.keyValueHeads)),
      TransferStep(
        try TensorDescriptor(
          name: prefix + "shift.o_proj.weight", elementType: output.elementType, shape: output.shape),
        .copy(output.name, from: .source)),
    ]
  }
}
