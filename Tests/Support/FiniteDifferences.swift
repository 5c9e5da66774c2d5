import Testing

/// Expects `analytic` to be the gradient of `loss` at `point`, by central differences of fourth order in double precision.
///
/// The step is such that what the formula leaves out and what subtraction loses are both about 1e-12 of a loss of
/// ordinary size. Derivatives are compared relative to their own size and to that of all together, to 1e-7.
package func expectGradient(
  of loss: ([Double]) throws -> Double, at point: [Double], analytic: [Double], _ comment: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard analytic.count == point.count else {
    Issue.record(
      "\(comment): \(analytic.count) derivatives by \(point.count) numbers", sourceLocation: sourceLocation)
    return
  }
  let typical = (analytic.reduce(0) { $0 + $1 * $1 } / Double(max(analytic.count, 1))).squareRoot()
  var wrong: [String] = []
  do {
    for index in point.indices {
      let numeric = try derivative(of: loss, at: point, index)
      // Written so that NaN is a difference.
      if !(abs(numeric - analytic[index]) <= 1e-7 * (abs(numeric) + typical)) {
        wrong.append("\(index): \(analytic[index]) instead of \(numeric)")
      }
    }
  } catch {
    Issue.record(error, "\(comment): the loss cannot be computed", sourceLocation: sourceLocation)
    return
  }
  #expect(
    wrong.isEmpty, "\(comment): \(wrong.count) of \(point.count) differ: \(wrong.prefix(5).joined(separator: "; "))",
    sourceLocation: sourceLocation)
}

/// By one coordinate: `(8 (f(x + h) - f(x - h)) - (f(x + 2 h) - f(x - 2 h))) / 12 h`.
private func derivative(of loss: ([Double]) throws -> Double, at point: [Double], _ index: Int) throws -> Double {
  var moved = point
  func value(_ steps: Double) throws -> Double {
    moved[index] = point[index] + steps * step
    return try loss(moved)
  }
  let step = 0x1p-11 * max(1, abs(point[index]))
  let (near, far) = (try value(1) - value(-1), try value(2) - value(-2))
  return (8 * near - far) / (12 * step)
}
