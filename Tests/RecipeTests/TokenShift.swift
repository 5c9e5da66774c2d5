import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// The least of all mixers: each token gets the value of the one before.
struct TokenShiftSpecification: MixerSpecification {
  static let name = "token-shift"
  static let layerType = "token_shift"
  var isSoftmax: Bool { false }
  var json: JSONObject { ["mixer": .string(Self.name)] }

  init() {}

  init(json: JSONObject) throws(HybridizeError) {
    var fields = FieldReader(json)
    fields.accept(["mixer"])
    try fields.finish()
  }

  func tensors(_ model: ModelConfiguration) -> [TensorRequirement] {
    let width = model.heads * model.headDimension
    return [
      TensorRequirement("shift.v_proj.weight", [width, model.hiddenSize]),
      TensorRequirement("shift.o_proj.weight", [model.hiddenSize, width]),
    ]
  }

  func keyValueHeads(_ model: ModelConfiguration) -> Int { model.heads }

  func memory(_ model: ModelConfiguration) -> MixerMemory {
    MixerMemory(elementsPerToken: 0, fixedElements: model.heads * model.headDimension)
  }

  func load(_ weights: LayerWeights, _ model: ModelConfiguration) throws(HybridizeError) -> any TokenMixer {
    TokenShift(
      value: try weights.projection("shift.v_proj", bias: false),
      output: try weights.projection("shift.o_proj", bias: false))
  }
}

struct TokenShift: TokenMixer {
  let value: Projection
  let output: Projection

  func makeState(capacity: Int, backend: any Backend) -> TokenShiftState {
    let state = TokenShiftState(backend.makeTensor(rows: 1, columns: value.outputs), backend)
    backend.fill(state.last, with: 0)
    return state
  }

  func prefill(_ x: Tensor, state: TokenShiftState, context: MixingContext, into out: Tensor) {
    let backend = context.backend
    context.workspace.scope {
      let values = context.workspace.tensor(rows: x.rows + 1, columns: value.outputs)
      backend.copy(state.last, to: values.rows(0..<1))
      value.apply(x, into: values.rows(1..<x.rows + 1), backend)
      output.apply(values.rows(0..<x.rows), into: out, backend)
      backend.copy(values.rows(x.rows..<x.rows + 1), to: state.last)
    }
  }
}

/// The value of the last token.
final class TokenShiftState: MixerState {
  let last: Tensor
  private let elementBytes: Int

  init(_ last: Tensor, _ backend: any Backend) {
    self.last = last
    elementBytes = backend.activationType.bitsPerElement / 8
  }

  func byteCount(tokens: Int) -> Int { last.elementCount * elementBytes }

  func fork(tokens: Int, backend: any Backend) -> TokenShiftState {
    let copy = TokenShiftState(backend.makeTensor(rows: 1, columns: last.columns), backend)
    backend.copy(last, to: copy.last)
    return copy
  }
}
