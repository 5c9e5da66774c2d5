import HybridizeCompute
import HybridizeCore

/// A loss of a linear recurrence, random factors times what comes out and times the last states, as a function of one
/// list of numbers: queries, keys, values, log decays, strengths of the delta rule, states before the first tokens.
final class RecurrenceProblem {
  let call: LinearRecurrenceShape
  let backend: any Backend
  let sequences: [Range<Int>]
  /// Random numbers in the ranges that mixers have.
  let point: [Double]
  /// By which the loss weighs results, then states.
  var factors: [Double]

  init(
    _ call: LinearRecurrenceShape, lengths: [Int], on backend: any Backend, seed: UInt64 = 1, finalFactor: Double = 1
  ) {
    self.call = call
    self.backend = backend
    var first = 0
    sequences = lengths.map { length in
      defer { first += length }
      return first..<first + length
    }
    let tokens = first
    var generator = SeededGenerator(seed: seed)
    let unit = 1 / Double(call.keyDimension).squareRoot()
    let ranges = [-1.0...1, -unit...unit, -1...1, -0.5...0, 0...1, -1...1]
    point = zip(Self.counts(call, tokens, lengths.count), ranges).flatMap { count, range in
      (0..<count).map { _ in generator.uniform(range.lowerBound, range.upperBound) }
    }
    let results = tokens * call.heads * call.valueDimension
    let states = lengths.count * call.heads * call.keyDimension * call.valueDimension
    factors =
      (0..<results).map { _ in generator.uniform(-1, 1) }
      + (0..<states).map { _ in finalFactor * generator.uniform(-1, 1) }
  }

  private var tokens: Int { sequences.last?.upperBound ?? 0 }

  private static func counts(_ call: LinearRecurrenceShape, _ tokens: Int, _ sequences: Int) -> [Int] {
    [
      tokens * call.heads * call.keyDimension, tokens * call.keyValueHeads * call.keyDimension,
      tokens * call.keyValueHeads * call.valueDimension, tokens * call.decayWidth,
      call.update == .delta ? tokens * call.heads : 0,
      sequences * call.heads * call.keyDimension * call.valueDimension,
    ]
  }

  // MARK: Places in the list

  /// Of queries, keys, values, log decays, strengths, states.
  private var places: [Range<Int>] {
    var end = 0
    return Self.counts(call, tokens, sequences.count).map { count in
      defer { end += count }
      return end..<end + count
    }
  }

  var states: Range<Int> { places[5] }
  func values(token: Int) -> Range<Int> { row(token, of: places[2]) }
  func logDecays(token: Int) -> Range<Int> { row(token, of: places[3]) }
  /// In `factors`.
  func results(token: Int) -> Range<Int> { row(token, of: 0..<tokens * call.heads * call.valueDimension) }

  private func row(_ token: Int, of place: Range<Int>) -> Range<Int> {
    let width = place.count / tokens
    return place.lowerBound + token * width..<place.lowerBound + (token + 1) * width
  }

  // MARK: Values

  private func tensor(_ values: some Collection<Double>, rows: Int) -> Tensor {
    let tensor = backend.makeTensor(rows: rows, columns: rows == 0 ? 0 : values.count / rows)
    backend.write(Array(values), to: tensor)
    return tensor
  }

  private func operands(_ x: [Double]) -> RecurrenceOperands {
    let tensors = places[..<5].map { tensor(x[$0], rows: tokens) }
    return RecurrenceOperands(
      query: tensors[0], key: tensors[1], value: tensors[2], logDecay: tensors[3],
      beta: call.update == .delta ? tensors[4] : nil)
  }

  /// What a list holds for each sequence's state.
  private func states(_ list: ArraySlice<Double>) -> [Tensor] {
    let count = call.heads * call.keyDimension * call.valueDimension
    return sequences.indices.map {
      tensor(
        list[list.startIndex + $0 * count..<list.startIndex + ($0 + 1) * count], rows: call.heads * call.keyDimension)
    }
  }

  func loss(at x: [Double]) -> Double {
    let (operands, states) = (operands(x), states(x[places[5]]))
    let out = backend.makeTensor(rows: tokens, columns: call.heads * call.valueDimension)
    backend.linearRecurrence(
      call, query: operands.query, key: operands.key, value: operands.value, logDecay: operands.logDecay,
      beta: operands.beta, sequences: zip(sequences, states).map { SequenceState(rows: $0, state: $1) }, into: out)
    let results = backend.read(out) + states.flatMap { backend.read($0) }
    return zip(results, factors).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// - Parameter hasStates: otherwise sequences begin with none and nothing reaches the last ones, and the gradient lacks
  ///   that of the states.
  func gradient(at x: [Double], hasStates: Bool = true) -> [Double] {
    let nothing = [Double](repeating: .nan, count: x.count)
    let (gradients, initial) = (operands(nothing), states(nothing[places[5]]))
    let results = tokens * call.heads * call.valueDimension
    let (before, after) = (states(x[places[5]]), states(factors[results...]))
    backend.linearRecurrenceGradient(
      call, operands(x),
      sequences: sequences.indices.map {
        hasStates
          ? RecurrenceSequence(
            rows: sequences[$0], initialState: before[$0], finalStateGradient: after[$0],
            initialStateGradient: initial[$0]) : RecurrenceSequence(rows: sequences[$0])
      },
      gradient: tensor(factors[..<results], rows: tokens), into: gradients)
    let tensors =
      [gradients.query, gradients.key, gradients.value, gradients.logDecay] + [gradients.beta].compactMap { $0 }
    return (tensors + (hasStates ? initial : [])).flatMap { backend.read($0) }
  }
}
