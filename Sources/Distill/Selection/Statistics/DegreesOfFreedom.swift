#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How many features a kernel asks for on some points (arXiv 2507.03340): with the Gram matrix `S = K / J` of J points,
/// `tr S (S + lambda I)^-1`, which counts the eigenvalues that are well above lambda.
///
/// `exp(scale x.y)` grows beyond any number for long queries and keys. It is `D C D` with `C = exp(-scale |x - y|^2 / 2)`,
/// which is never above one, and `D^2 = exp(scale |x|^2)`. With `A = C / J + lambda D^-2` the trace is
/// `J - lambda tr D^-2 A^-1`, and nothing in it overflows.
package struct DegreesOfFreedom {
  package let regularisation: Double

  package init(regularisation: Double) { self.regularisation = regularisation }

  /// Of the softmax kernel `exp(scale x.y)`.
  ///
  /// - Precondition: points of one dimension.
  /// - Returns: `nil` if a value is not finite.
  package func softmaxKernel(_ points: [[Double]], scale: Double) -> Double? {
    guard points.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { return nil }
    let shrinks = points.map { point in exp(-scale * point.reduce(0) { $0 + $1 * $1 }) }
    let found = trace(Self.correlations(points, scale: scale), shrinks: shrinks)
    return found.isFinite ? found : nil
  }

  /// Of what is left of it without the length of points, `exp(-scale |x - y|^2 / 2)`: where all are long, each is a
  /// feature of its own to the kernel, and this still tells near ones from far ones.
  ///
  /// - Precondition: finite points of one dimension.
  package func gaussianKernel(_ points: [[Double]], scale: Double) -> Double {
    trace(Self.correlations(points, scale: scale), shrinks: points.map { _ in 1 })
  }

  private static func correlations(_ points: [[Double]], scale: Double) -> [[Double]] {
    points.indices.map { row in
      (0...row).map { column -> Double in
        var distance = 0.0
        for (a, b) in zip(points[row], points[column]) { distance += (a - b) * (a - b) }
        return exp(-scale * distance / 2)
      }
    }
  }

  /// - Parameters:
  ///   - correlations: C, row by row, each up to its diagonal.
  ///   - shrinks: `D^-2`.
  package func trace(_ correlations: [[Double]], shrinks: [Double]) -> Double {
    let count = Double(correlations.count)
    var factor: [[Double]] = []
    var kept: [Int] = []
    for (index, correlation) in correlations.enumerated() {
      var row: [Double] = []
      row.reserveCapacity(factor.count + 1)
      for (place, other) in kept.enumerated() {
        row.append((correlation[other] / count - Self.product(row, factor[place])) / factor[place][place])
      }
      let pivot = correlation[index] / count + regularisation * shrinks[index] - Self.product(row, row)
      // A point that those before it explain to the last digit adds nothing.
      guard !(pivot < Self.smallestPivot / count) else { continue }
      row.append(pivot.squareRoot())
      factor.append(row)
      kept.append(index)
    }
    var left = 0.0
    for (index, diagonal) in zip(kept, Self.inverseDiagonal(factor)) {
      left += regularisation * shrinks[index] * diagonal
    }
    return Double(kept.count) - left
  }

  private static let smallestPivot = 1e-12

  /// Of the numbers that both have.
  private static func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for (x, y) in zip(a, b) { sum += x * y }
    return sum
  }

  /// The diagonal of `(L L^T)^-1`, the sums of squares of the columns of `L^-1`.
  private static func inverseDiagonal(_ factor: [[Double]]) -> [Double] {
    var diagonal = [Double](repeating: 0, count: factor.count)
    var inverse: [[Double]] = []
    for (index, row) in factor.enumerated() {
      var solved = [Double](repeating: 0, count: index + 1)
      for (other, known) in inverse.enumerated() {
        let weight = row[other]
        for column in known.indices { solved[column] -= weight * known[column] }
      }
      solved[index] += 1
      for column in solved.indices {
        solved[column] /= row[index]
        diagonal[column] += solved[column] * solved[column]
      }
      inverse.append(solved)
    }
    return diagonal
  }
}
