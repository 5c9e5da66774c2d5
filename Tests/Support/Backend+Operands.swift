import HybridizeCompute
import HybridizeCore

extension Backend {
  /// A tensor with these values, row by row.
  package func tensor(_ values: some Collection<Double>, columns: Int) -> Tensor {
    let tensor = makeTensor(rows: values.count / columns, columns: columns)
    write(Array(values), to: tensor)
    return tensor
  }

  /// The sum of the products of elements and factors: a loss whose gradient the factors are.
  package func product(_ tensor: Tensor, _ factors: [Double]) -> Double {
    zip(read(tensor), factors).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

extension SeededGenerator {
  /// So many numbers from a range.
  package mutating func numbers(_ count: Int, in range: ClosedRange<Double> = -1...1) -> [Double] {
    (0..<count).map { _ in uniform(range.lowerBound, range.upperBound) }
  }
}
