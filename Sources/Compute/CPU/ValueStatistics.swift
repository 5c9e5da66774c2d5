import CKernels
import HybridizeCore

/// What the values of a tensor are like, taken in piece by piece, in float32. Extremes and moments are of the finite
/// values.
public struct ValueStatistics: Sendable {
  private let decoder: ElementDecoder
  private let kernels: ck_kernels
  private var sums = ck_statistics()

  /// - Parameter instructionSet: as for `CPUBackend`.
  /// - Throws: `.valuesUnknown` for a type whose values are not read here; `.badArgument` for an instruction set that
  ///   cannot be had.
  public init(_ elementType: ElementType, instructionSet: InstructionSet? = nil) throws(HybridizeError) {
    kernels = try InstructionSet.kernels(instructionSet).pointee
    decoder = try ElementDecoder(elementType, kernels: kernels)
    sums.least = .infinity
    sums.greatest = -.infinity
  }

  public var count: Int { sums.count }
  public var zeros: Int { sums.zeros }
  public var infinities: Int { sums.infinities }
  public var notNumbers: Int { Int(exponents[255]) - sums.infinities }
  public var finite: Int { sums.count - Int(exponents[255]) }
  /// `nil` if no value is finite, as are the other three.
  public var least: Double? { finite > 0 ? Double(sums.least) : nil }
  public var greatest: Double? { finite > 0 ? Double(sums.greatest) : nil }
  public var mean: Double? { finite > 0 ? sums.sum / Double(finite) : nil }
  public var standardDeviation: Double? {
    mean.map { max(0, sums.squares / Double(finite) - $0 * $0).squareRoot() }
  }

  /// How many finite values other than zero have a magnitude of at least `2^exponent` and below twice that, for the
  /// exponents from the smallest that occurs to the largest. Subnormal values of float32 count as -127.
  public var histogram: (firstExponent: Int, counts: [Int]) {
    var counts = exponents.prefix(255).map { Int($0) }
    counts[0] -= sums.zeros
    guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 }) else {
      return (0, [])
    }
    return (first - 127, Array(counts[first...last]))
  }

  private var exponents: [UInt64] { withUnsafeBytes(of: sums.exponents) { Array($0.bindMemory(to: UInt64.self)) } }

  /// Takes in the values of `bytes`.
  ///
  /// - Precondition: a whole number of elements, aligned to them.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let count = decoder.count(bytes)
    if decoder.elementType == .float32 {
      guard let start = bytes.baseAddress else { return }
      return kernels.statistics(start.assumingMemoryBound(to: Float.self), count, &sums)
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: ElementDecoder.piece) { floats in
      for first in stride(from: 0, to: count, by: ElementDecoder.piece) {
        let part = UnsafeMutableBufferPointer(rebasing: floats.prefix(count - first))
        decoder.decode(bytes, from: first, into: part)
        if let buffer = part.baseAddress { kernels.statistics(buffer, part.count, &sums) }
      }
    }
  }
}
