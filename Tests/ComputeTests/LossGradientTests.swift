import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Finite differences of the reference, golden values, and rows that ask for care of both backends.
@Suite("losses and their gradients")
struct LossGradientTests {
  private let reference = ReferenceBackend()

  private func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Double> = -3...3) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return generator.numbers(count, in: range)
  }

  private func backends() throws -> [any Backend] {
    [reference]
      + (try InstructionSet.available.map { try CPUBackend(threads: 2, instructionSet: $0) as any Backend })
  }

  /// A loss of rows, which leaves its gradient there.
  private typealias Loss = (_ backend: any Backend, _ rows: Tensor, _ losses: Tensor) -> Void

  private func run(
    _ loss: Loss, on backend: any Backend, at rows: [Double], columns: Int
  ) -> (losses: [Double], gradient: [Double]) {
    let logits = backend.tensor(rows, columns: columns)
    let losses = backend.tensor([Double](repeating: .nan, count: logits.rows), columns: 1)
    loss(backend, logits, losses)
    return (backend.read(losses), backend.read(logits))
  }

  private func expectGradient(of loss: Loss, scale: Double, at point: [Double], columns: Int, _ comment: String) {
    TestSupport.expectGradient(
      of: { scale * run(loss, on: reference, at: $0, columns: columns).losses.reduce(0, +) }, at: point,
      analytic: run(loss, on: reference, at: point, columns: columns).gradient, comment)
  }

  // MARK: Derivatives

  @Test("divergence at any temperature", arguments: [0.5, 1, 3])
  func divergence(_ temperature: Double) {
    let teacher = reference.tensor(numbers(15, seed: 1), columns: 5)
    expectGradient(
      of: { backend, student, losses in
        backend.divergenceGradient(
          teacher: teacher, inPlace: student, temperature: temperature, scale: 0.7, into: losses)
      }, scale: 0.7, at: numbers(15, seed: 2), columns: 5, "divergence")
  }

  @Test("divergence from a teacher that rules tokens out")
  func divergenceFromLimitedTeacher() {
    let teacher = reference.tensor([0, -.infinity, 1, -.infinity, -1], columns: 5)
    expectGradient(
      of: { backend, student, losses in
        backend.divergenceGradient(teacher: teacher, inPlace: student, temperature: 1, scale: 1, into: losses)
      }, scale: 1, at: numbers(5, seed: 3), columns: 5, "divergence")
  }

  struct Known: Sendable, CustomTestStringConvertible {
    let name: String
    let probabilities: [[Double]]
    var testDescription: String { name }

    static let all = [
      Known(name: "some, and a rest", probabilities: [[0.4, 0.3], [0.25, 0.01]]),
      Known(name: "nearly all", probabilities: [[0.6, 0.4 - 1e-9], [1 - 1e-6, 1e-7]]),
      Known(name: "one", probabilities: [[0.2], [0.9]]),
      Known(name: "every token", probabilities: [[0.1, 0.2, 0.3, 0.15, 0.25], [0.5, 0.125, 0.125, 0.125, 0.125]]),
      Known(name: "more than there is", probabilities: [[0.75, 0.2500001], [0.5, 0.51]]),
    ]

    var distributions: SparseDistributions {
      let count = probabilities[0].count
      return SparseDistributions(
        count: count, ids: (0..<2).flatMap { row in (0..<count).map { Int32((3 * $0 + row) % 5) } },
        logProbabilities: probabilities.flatMap { $0.map { Float(log($0)) } })
    }
  }

  @Test("divergence from a teacher of whom a part is known", arguments: Known.all)
  func sparseDivergence(_ known: Known) {
    expectGradient(
      of: { backend, student, losses in
        backend.divergenceGradient(teacher: known.distributions, inPlace: student, scale: 0.7, into: losses)
      }, scale: 0.7, at: numbers(10, seed: 4), columns: 5, known.name)
  }

  @Test("cross-entropy")
  func crossEntropy() {
    expectGradient(
      of: { backend, logits, losses in
        backend.crossEntropyGradient(targets: [4, nil, 0], inPlace: logits, scale: 0.7, into: losses)
      }, scale: 0.7, at: numbers(15, seed: 5), columns: 5, "cross-entropy")
  }

  @Test("distance, or its square", arguments: [false, true])
  func distance(_ squared: Bool) {
    let teacher = reference.tensor(numbers(15, seed: 6), columns: 5)
    expectGradient(
      of: { backend, student, losses in
        backend.distanceGradient(teacher: teacher, inPlace: student, squared: squared, scale: 0.7, into: losses)
      }, scale: 0.7, at: numbers(15, seed: 7), columns: 5, "distance")
  }

  // MARK: Values

  @Test("golden values of the divergence")
  func goldenDivergence() throws {
    let golden = try Golden("kl-loss")
    let (tokens, columns) = (golden["teacher"].shape[0], golden["teacher"].shape[1])
    for backend in try backends() {
      let teacher = backend.tensor(golden["teacher"].values, columns: columns)
      let found = run(
        { backend, student, losses in
          backend.divergenceGradient(
            teacher: teacher, inPlace: student, temperature: 1, scale: 1 / Double(tokens), into: losses)
        }, on: backend, at: golden["student"].values, columns: columns)
      let tolerance = backend.activationType == .float64 ? 1e-13 : 1e-6
      expectClose(
        [found.losses.reduce(0, +) / Double(tokens)], golden["kl"].values, relative: tolerance, backend.details)
      expectClose(found.gradient, golden["dstudent"].values, relative: tolerance, backend.details)
    }
  }

  @Test("all tokens known is the divergence, none left for the rest")
  func everyTokenKnown() throws {
    let (teacher, student) = (numbers(12, seed: 8), numbers(12, seed: 9))
    let sums = [teacher[..<6], teacher[6...]].map { log($0.reduce(0) { $0 + exp($1) }) }
    let known = SparseDistributions(
      count: 6, ids: (0..<12).map { Int32($0 % 6) },
      logProbabilities: teacher.enumerated().map { Float($1 - sums[$0 / 6]) })
    for backend in try backends() {
      let whole = backend.tensor(teacher, columns: 6)
      let expected = run(
        { $0.divergenceGradient(teacher: whole, inPlace: $1, temperature: 1, scale: 0.7, into: $2) }, on: backend,
        at: student, columns: 6)
      let found = run(
        { $0.divergenceGradient(teacher: known, inPlace: $1, scale: 0.7, into: $2) }, on: backend, at: student,
        columns: 6)
      expectClose(found.losses, expected.losses, relative: 1e-6, backend.details)
      expectClose(found.gradient, expected.gradient, relative: 1e-6, backend.details)
    }
  }

  @Test("equal rows have no loss and no gradient, to the last bit")
  func equalRows() throws {
    for columns in [1, 7, 50, 5001] {
      for backend in try backends() {
        var values = numbers(2 * columns, seed: 10, in: -30...30)
        if columns > 7 { values[3] = -.infinity }
        let teacher = backend.tensor(values, columns: columns)
        for temperature in [1, 3.7] {
          let found = run(
            { $0.divergenceGradient(teacher: teacher, inPlace: $1, temperature: temperature, scale: 1, into: $2) },
            on: backend, at: values, columns: columns)
          #expect((found.losses + found.gradient).allSatisfy { $0 == 0 })
        }
        if columns > 7 { values[3] = 0 }
        let target = backend.tensor(values, columns: columns)
        for squared in [false, true] {
          let found = run(
            { $0.distanceGradient(teacher: target, inPlace: $1, squared: squared, scale: 1, into: $2) }, on: backend,
            at: values, columns: columns)
          #expect((found.losses + found.gradient).allSatisfy { $0 == 0 })
        }
      }
    }
  }

  /// Logits differ by powers of two that float32 holds, so that both backends have the same operands.
  @Test("a divergence of a billionth keeps its digits", arguments: [1, 2] as [Double], [0x1p-6, 0x1p-10, 0x1p-14])
  func smallDivergence(_ temperature: Double, _ apart: Double) throws {
    let teacher = numbers(5000, seed: 11, in: -8...8).map { Double(Float($0)) }
    let student = zip(teacher, numbers(5000, seed: 12, in: -1...1)).map { $0 + apart * ($1 * 16).rounded() / 16 }
      .map { Double(Float($0)) }
    let (expected, others) = (run(of: reference), try backends().dropFirst())
    func run(of backend: any Backend) -> (losses: [Double], gradient: [Double]) {
      let teacher = backend.tensor(teacher, columns: 5000)
      return self.run(
        { $0.divergenceGradient(teacher: teacher, inPlace: $1, temperature: temperature, scale: 1, into: $2) },
        on: backend, at: student, columns: 5000)
    }
    for backend in others {
      let found = run(of: backend)
      expectClose(found.losses, expected.losses, relative: 2e-6, backend.details)
      expectClose(found.gradient, expected.gradient, relative: 2e-6, backend.details)
    }
  }

  @Test("logits out of the range of exp")
  func extremeLogits() throws {
    let hidden = [Double](repeating: -.infinity, count: 20)
    for backend in try backends() {
      // What the teacher rules out, and what the student does: one is a finite loss, the other is not.
      let (sure, open) = ([0] + hidden, [Double](repeating: 0, count: 21))
      func divergence(_ teacher: [Double], _ student: [Double]) -> (losses: [Double], gradient: [Double]) {
        let teacher = backend.tensor(teacher, columns: teacher.count)
        return run(
          { $0.divergenceGradient(teacher: teacher, inPlace: $1, temperature: 1, scale: 1, into: $2) }, on: backend,
          at: student, columns: student.count)
      }
      let limited = divergence(sure, open)
      expectClose(limited.losses, [log(21.0)], relative: 1e-6)
      expectClose(limited.gradient, [1 / 21.0 - 1] + [Double](repeating: 1 / 21.0, count: 20), relative: 1e-6)
      let impossible = divergence(open, sure)
      #expect(impossible.losses == [.infinity])
      expectClose(impossible.gradient, [1 - 1 / 21.0] + [Double](repeating: -1 / 21.0, count: 20), relative: 1e-6)
      let huge = divergence([1e4, 0, -1e4], [0, 1e4, -1e4])
      expectClose(huge.losses, [1e4], relative: 1e-6)
      expectClose(huge.gradient, [-1, 1, 0], relative: 1e-6)

      let certain = run(
        { $0.crossEntropyGradient(targets: [0, 1], inPlace: $1, scale: 1, into: $2) }, on: backend,
        at: [100, 80, -100, 1e4, 0, -1e4], columns: 3)
      // Float64 has 1e-14 of a logit of 100.
      expectClose([certain.losses[0]], [exp(-20)], absolute: 1e-14, relative: 1e-6)
      expectClose(Array(certain.gradient[..<3]), [-exp(-20), exp(-20), 0], absolute: 1e-14, relative: 1e-6)
      expectClose([certain.losses[1]], [1e4], relative: 1e-6)
      expectClose(Array(certain.gradient[3...]), [1, -1, 0], relative: 1e-6)
    }
  }
}
