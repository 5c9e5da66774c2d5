import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

/// Random operands of a recurrence, and a way to run it piece by piece from the same state.
struct RandomRecurrence {
  let backend: any Backend
  let query: Tensor
  let key: Tensor
  let value: Tensor
  var logDecay: Tensor
  let beta: Tensor?
  let state: Tensor

  init(_ call: LinearRecurrenceShape, tokens: Int, on backend: any Backend, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func random(_ rows: Int, _ columns: Int, _ low: Double, _ high: Double) -> Tensor {
      let tensor = backend.makeTensor(rows: rows, columns: columns)
      backend.write((0..<rows * columns).map { _ in generator.uniform(low, high) }, to: tensor)
      return tensor
    }
    self.backend = backend
    query = random(tokens, call.heads * call.keyDimension, -1, 1)
    key = random(tokens, call.keyValueHeads * call.keyDimension, -1, 1)
    backend.l2Normalize(key, groupSize: call.keyDimension, epsilon: 1e-6)
    value = random(tokens, call.keyValueHeads * call.valueDimension, -1, 1)
    logDecay = random(tokens, call.decayWidth, -0.2, 0)
    beta = call.update == .delta ? random(tokens, call.heads, 0, 1) : nil
    state = random(call.heads * call.keyDimension, call.valueDimension, -1, 1)
  }

  func run(_ call: LinearRecurrenceShape, pieces: [Int]) -> (out: [Double], state: [Double]) {
    let current = backend.makeTensor(rows: state.rows, columns: state.columns)
    backend.copy(state, to: current)
    let out = backend.makeTensor(rows: query.rows, columns: call.heads * call.valueDimension)
    backend.fill(out, with: .nan)
    var first = 0
    for count in pieces {
      let rows = first..<first + count
      backend.linearRecurrence(
        call, query: query.rows(rows), key: key.rows(rows), value: value.rows(rows), logDecay: logDecay.rows(rows),
        beta: beta?.rows(rows), sequences: [SequenceState(rows: 0..<count, state: current)], into: out.rows(rows))
      first += count
    }
    return (backend.read(out), backend.read(current))
  }
}

/// Greatest difference over the greatest expected magnitude.
func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
  let scale = expected.reduce(0) { max($0, abs($1)) }
  return zip(found, expected).reduce(0) { worst, pair in
    let error = abs(pair.0 - pair.1) / max(scale, .leastNormalMagnitude)
    return error.isNaN ? .infinity : max(worst, error)
  }
}
