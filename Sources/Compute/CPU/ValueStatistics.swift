import CKernels
import HybridizeCore

/// What the values of a tensor are like, taken in piece by piece, in float32. Extremes and moments are of the finite
/// values.
public struct ValueStatistics: Sendable {
  private let elementType: ElementType
  private let kernels: ck_kernels
  /// Values by bit pattern, for types of at most eight bits.
  private let table: [Float]
  private var sums = ck_statistics()

  /// - Throws: `.valuesUnknown` for a type whose values are not read here: F6 types, F8_E8M0, complex numbers.
  public init(_ elementType: ElementType, instructionSet: InstructionSet? = nil) throws(HybridizeError) {
    self.elementType = elementType
    kernels = try InstructionSet.kernels(instructionSet).pointee
    table = SmallFloat(elementType)?.table ?? []
    sums.least = .infinity
    sums.greatest = -.infinity
    switch elementType {
    case .float6E2M3, .float6E3M2, .float8E8M0, .complex64:
      throw HybridizeError(.valuesUnknown, found: elementType.rawValue)
    default: break
    }
  }

  public var count: Int { sums.count }
  public var zeros: Int { sums.zeros }
  public var infinities: Int { sums.infinities }
  public var notNumbers: Int { Int(exponents[255]) - sums.infinities }
  public var finite: Int { sums.count - Int(exponents[255]) }
  /// `nil` if no value is finite.
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
    precondition(bytes.count * 8 % elementType.bitsPerElement == 0, "a part of an element")
    guard let start = bytes.baseAddress else { return }
    let count = bytes.count * 8 / elementType.bitsPerElement
    switch elementType {
    case .float32: kernels.statistics(start.assumingMemoryBound(to: Float.self), count, &sums)
    case .bfloat16, .float16:
      let type = elementType.kernelType
      let widen = kernels.widen
      addFloats(count) { first, floats in
        if let target = floats.baseAddress { widen(type, start + 2 * first, floats.count, target) }
      }
    default:
      let this = self
      addFloats(count) { first, floats in
        for index in floats.indices { floats[index] = this.value(bytes, first + index) }
      }
    }
  }

  /// By way of float32, a few thousand at a time, so that the floats stay in cache.
  private mutating func addFloats(_ count: Int, _ fill: (Int, UnsafeMutableBufferPointer<Float>) -> Void) {
    let step = 4096
    withUnsafeTemporaryAllocation(of: Float.self, capacity: step) { floats in
      for first in stride(from: 0, to: count, by: step) {
        let part = UnsafeMutableBufferPointer(rebasing: floats.prefix(count - first))
        fill(first, part)
        if let buffer = part.baseAddress { kernels.statistics(buffer, part.count, &sums) }
      }
    }
  }

  private func value(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    switch elementType {
    case .float64: Float(roundingToOdd: bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
    case .bool, .uint8: Float(bytes[index])
    case .int8: Float(Int8(bitPattern: bytes[index]))
    case .int16: Float(bytes.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))
    case .uint16: Float(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
    case .int32: Float(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self))
    case .uint32: Float(bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    case .int64: Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
    case .uint64: Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
    case .float4: table[Int(bytes[index / 2] >> (index % 2 * 4) & 15)]
    default: table[Int(bytes[index])]
    }
  }
}

extension Problem {
  public static let valuesUnknown = Problem(
    "valuesUnknown", .argument, "values of this element type cannot be read here")
}
