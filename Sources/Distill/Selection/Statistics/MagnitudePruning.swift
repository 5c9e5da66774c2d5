/// Layer-adaptive magnitude pruning: LAMP (Lee et al., arXiv 2010.07611).
///
/// The score of a weight is its square over the sum of the squares of all weights of its matrix that are not smaller. Scores of
/// different matrices can be compared, so that one threshold says how much each of them may lose.
package enum MagnitudePruning {
  /// Scores in ascending order; a weight of zero has none but zero.
  ///
  /// - Precondition: finite weights.
  package static func scores(_ weights: [Float]) -> [Float] {
    var scores = weights.map(\.magnitude)
    scores.sort()
    var sum = 0.0
    for index in scores.indices.reversed() {
      let square = Double(scores[index]) * Double(scores[index])
      sum += square
      scores[index] = square > 0 ? Float(square / sum) : 0
    }
    return scores
  }

  /// How many weights of each matrix are left when the ones with the highest scores stay; of equal scores all or none, and
  /// never a zero.
  ///
  /// - Parameters:
  ///   - scores: of each matrix, ascending.
  ///   - share: of all weights that stay.
  package static func survivors(_ scores: [[Float]], share: Double) -> [Int] {
    let wanted = Int((share * Double(scores.reduce(0) { $0 + $1.count })).rounded(.up))
    func counts(_ bits: UInt32) -> [Int] {
      let threshold = Float(bitPattern: bits)
      return scores.map { $0.count - firstIndex(in: $0, notBelow: threshold) }
    }
    // Positive numbers are ordered as their bits are. At `low` there are enough, or there is no lower one.
    var low: UInt32 = 1
    var high = Float(1).bitPattern + 1
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if counts(middle).reduce(0, +) >= wanted { low = middle } else { high = middle }
    }
    return counts(low)
  }

  private static func firstIndex(in ascending: [Float], notBelow threshold: Float) -> Int {
    var (low, high) = (0, ascending.count)
    while low < high {
      let middle = low + (high - low) / 2
      if ascending[middle] < threshold { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
