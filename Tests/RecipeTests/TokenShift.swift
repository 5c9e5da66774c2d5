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

  func makeState(capacity: Int, memory: StateMemory) -> TokenShiftState {
    let state = TokenShiftState(width: value.outputs, memory)
    memory.backend.fill(state.last, with: 0)
    return state
  }

  func mix(_ x: Tensor, states: [TokenShiftState], context: MixingContext, into out: Tensor) {
    let backend = context.backend
    context.workspace.scope {
      let values = context.workspace.tensor(rows: x.rows, columns: value.outputs)
      let shifted = context.workspace.tensor(like: values)
      value.apply(x, into: values, backend)
      for (sequence, state) in zip(context.sequences, states) {
        let (first, count) = (sequence.rows.lowerBound, sequence.rows.count)
        backend.copy(state.last, to: shifted.rows(first..<first + 1))
        backend.copy(values.rows(first..<first + count - 1), to: shifted.rows(first + 1..<first + count))
        backend.copy(values.rows(first + count - 1..<first + count), to: state.last)
      }
      output.apply(shifted, into: out, backend)
    }
  }

  struct Saved {
    let x: Tensor
    let shifted: Tensor
  }

  func mixSaving(_ x: Tensor, context: TrainingContext, into out: Tensor) -> Saved {
    let (backend, workspace) = (context.backend, context.workspace)
    let values = workspace.tensor(rows: x.rows, columns: value.outputs)
    let shifted = workspace.tensor(like: values)
    value.apply(x, into: values, backend)
    for rows in context.mixing.sequences.map(\.rows) {
      backend.fill(shifted.rows(rows.prefix(1)), with: 0)
      backend.copy(values.rows(rows.dropLast()), to: shifted.rows(rows.dropFirst()))
    }
    output.apply(shifted, into: out, backend)
    return Saved(x: x, shifted: shifted)
  }

  func backward(_ saved: Saved, gradient: Tensor, context: TrainingContext, into xGradient: Tensor?) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let shifted = workspace.tensor(like: saved.shifted)
      let values = workspace.tensor(like: shifted)
      output.backward(saved.shifted, gradient: gradient, context: context, into: shifted)
      for rows in context.mixing.sequences.map(\.rows) {
        backend.fill(values.rows(rows.suffix(1)), with: 0)
        backend.copy(shifted.rows(rows.dropFirst()), to: values.rows(rows.dropLast()))
      }
      value.backward(saved.x, gradient: values, context: context, into: xGradient)
    }
  }
}

/// The value of the last token.
final class TokenShiftState: MixerState {
  let last: Tensor
  private let elementBytes: Int

  init(width: Int, _ memory: StateMemory) {
    last = memory.backend.makeTensor(rows: 1, columns: width)
    elementBytes = memory.elementBytes
  }

  func byteCount(tokens: Int) -> Int { last.elementCount * elementBytes }

  func fork(tokens: Int, memory: StateMemory) -> TokenShiftState {
    let copy = TokenShiftState(width: last.columns, memory)
    memory.backend.copy(last, to: copy.last)
    return copy
  }

  func stored(tokens: Int, memory: StateMemory) -> [StoredTensor] { [memory.backend.stored(last, name: "last")] }

  func restore(_ tensors: StoredState, tokens: Int, memory: StateMemory) throws(HybridizeError) {
    try memory.restore("last", of: tensors, to: last)
  }
}
