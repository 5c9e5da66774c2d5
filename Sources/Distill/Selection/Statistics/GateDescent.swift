/// Gates on their way down a slope: Adam (Kingma and Ba, 2015), and back into 0 to 1 after each step.
struct GateDescent {
  private(set) var gates: [Double]
  private var means: [Double]
  private var squares: [Double]
  private var time = 0
  // Gradients of a handful of prompts: a short memory of their size.
  private let beta1 = 0.9
  private let beta2 = 0.99

  /// All open.
  init(count: Int) {
    gates = Array(repeating: 1, count: count)
    means = Array(repeating: 0, count: count)
    squares = means
  }

  mutating func step(_ gradient: [Double], rate: Double) {
    time += 1
    var (correction1, correction2) = (1.0, 1.0)
    for _ in 0..<time { (correction1, correction2) = (correction1 * beta1, correction2 * beta2) }
    for (index, slope) in gradient.enumerated() {
      means[index] = beta1 * means[index] + (1 - beta1) * slope
      squares[index] = beta2 * squares[index] + (1 - beta2) * slope * slope
      let size = (squares[index] / (1 - correction2)).squareRoot()
      guard size > 0 else { continue }
      let moved = gates[index] - rate * means[index] / (1 - correction1) / size
      gates[index] = min(max(moved, 0), 1)
    }
  }
}
