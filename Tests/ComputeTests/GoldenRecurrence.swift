import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

/// A recurrence of golden values, its inputs under one name and what comes of them under the same or another.
struct GoldenRecurrence {
  private let golden: Golden
  private let name: String
  private let result: String
  private let decay: LinearRecurrenceShape.Decay
  private let update: LinearRecurrenceShape.Update

  init(
    _ golden: Golden, _ name: String, _ decay: LinearRecurrenceShape.Decay, _ update: LinearRecurrenceShape.Update,
    result: String? = nil
  ) {
    self.golden = golden
    self.name = name
    self.result = result ?? name
    self.decay = decay
    self.update = update
  }

  private var tokens: Int { golden["\(name).q"].shape[0] }
  private var heads: Int { golden["\(name).q"].shape[1] }

  private func call(_ chunkSize: Int?) -> LinearRecurrenceShape {
    let (keyDimension, valueDimension) = (golden["\(name).q"].shape[2], golden["\(name).v"].shape[2])
    return LinearRecurrenceShape(
      heads: heads, keyValueHeads: heads, keyDimension: keyDimension, valueDimension: valueDimension,
      scale: 1 / Double(keyDimension).squareRoot(), decay: decay, update: update, chunkSize: chunkSize)
  }

  private func tensor(_ field: String, rows: Int, on backend: any Backend) -> Tensor {
    let values = golden["\(name).\(field)"].values
    let tensor = backend.makeTensor(rows: rows, columns: values.count / rows)
    backend.write(values, to: tensor)
    return tensor
  }

  private func operands(on backend: any Backend) -> RecurrenceOperands {
    func tensor(_ field: String) -> Tensor { self.tensor(field, rows: tokens, on: backend) }
    return RecurrenceOperands(
      query: tensor("q"), key: tensor("k"), value: tensor("v"), logDecay: tensor("g"),
      beta: update == .delta ? tensor("beta") : nil)
  }

  func expect(_ chunkSize: Int?, on backend: any Backend, within tolerance: Double) {
    let call = call(chunkSize)
    let operands = operands(on: backend)
    let state = tensor("S0", rows: heads * call.keyDimension, on: backend)
    let out = backend.makeTensor(rows: tokens, columns: heads * call.valueDimension)
    backend.fill(out, with: .nan)
    backend.linearRecurrence(
      call, query: operands.query, key: operands.key, value: operands.value, logDecay: operands.logDecay,
      beta: operands.beta, sequences: [SequenceState(rows: 0..<tokens, state: state)], into: out)
    #expect(relativeError(backend.read(out), golden["\(result).o"].values) < tolerance)
    #expect(relativeError(backend.read(state), golden["\(result).ST"].values) < tolerance)
  }

  /// Of the delta rule.
  func expectGradient(_ chunkSize: Int?, on backend: any Backend, within tolerance: Double) {
    let call = call(chunkSize)
    let states = heads * call.keyDimension
    let gradients = operands(on: backend)
    let stateGradient = backend.makeTensor(rows: states, columns: call.valueDimension)
    let fields = [
      ("dq", gradients.query), ("dk", gradients.key), ("dv", gradients.value), ("dg", gradients.logDecay),
      ("dbeta", gradients.beta!), ("dS0", stateGradient),
    ]
    for (_, tensor) in fields { backend.fill(tensor, with: .nan) }
    let sequence = RecurrenceSequence(
      rows: 0..<tokens, initialState: tensor("S0", rows: states, on: backend),
      finalStateGradient: tensor("dST", rows: states, on: backend), initialStateGradient: stateGradient)
    backend.linearRecurrenceGradient(
      call, operands(on: backend), sequences: [sequence], gradient: tensor("do", rows: tokens, on: backend),
      into: gradients)
    for (field, tensor) in fields {
      #expect(relativeError(backend.read(tensor), golden["\(result).\(field)"].values) < tolerance, "\(field)")
    }
  }
}
