import CKernels
import HybridizeCore

/// How far the values of two tensors are apart, taken in piece by piece, in float32. Their types may differ.
public struct ValueDifference: Sendable {
  private let first: ElementDecoder
  private let second: ElementDecoder
  private let kernels: ck_kernels
  private var sums = ck_difference()

  /// - Parameter instructionSet: as for `CPUBackend`.
  /// - Throws: as `ValueStatistics`.
  public init(
    _ first: ElementType, _ second: ElementType, instructionSet: InstructionSet? = nil
  ) throws(HybridizeError) {
    kernels = try InstructionSet.kernels(instructionSet).pointee
    self.first = try ElementDecoder(first, kernels: kernels)
    self.second = try ElementDecoder(second, kernels: kernels)
  }

  public var count: Int { sums.count }
  /// Values that are not the same; a NaN is the same as another.
  public var differing: Int { sums.differing }
  /// Pairs of which exactly one is no number, or that are infinitely far apart.
  public var incomparable: Int { sums.incomparable }
  /// Largest absolute difference of the others.
  public var largest: Double { Double(sums.largest) }
  /// Mean absolute difference of the others, equal values included.
  public var mean: Double { sums.sum / Double(max(1, sums.count - sums.incomparable)) }

  /// Takes in the next values of both.
  ///
  /// - Precondition: as many whole elements of one as of the other, aligned to them.
  public mutating func add(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
    let count = first.count(a)
    precondition(second.count(b) == count, "\(count) and \(second.count(b)) values")
    let piece = ElementDecoder.piece
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * piece) { floats in
      for start in stride(from: 0, to: count, by: piece) {
        let length = min(piece, count - start)
        let left = UnsafeMutableBufferPointer(rebasing: floats[..<length])
        let right = UnsafeMutableBufferPointer(rebasing: floats[piece..<piece + length])
        first.decode(a, from: start, into: left)
        second.decode(b, from: start, into: right)
        guard let x = left.baseAddress, let y = right.baseAddress else { continue }
        kernels.difference(x, y, length, &sums)
      }
    }
  }
}
