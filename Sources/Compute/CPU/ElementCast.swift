import CKernels
import HybridizeCore

/// Rounds stored values to another floating-point type, to nearest, ties to even, and counts what that loses.
///
/// From F64, F32, BF16, F16 and the two F8 types to F32, BF16 and F16. A cast to the same type copies.
public struct ElementCast: Sendable {
  public let source: ElementType
  public let target: ElementType
  private let kernels: ck_kernels
  /// Values by bit pattern, of an F8 type.
  private let table: [Float]

  /// What a cast has lost.
  public struct Loss: Sendable, Equatable {
    /// Finite values that became infinite.
    public var overflows = 0
    /// Values that became zero.
    public var underflows = 0

    public init(overflows: Int = 0, underflows: Int = 0) {
      self.overflows = overflows
      self.underflows = underflows
    }

    public static func += (a: inout Loss, b: Loss) {
      a.overflows += b.overflows
      a.underflows += b.underflows
    }
  }

  /// Types that can be cast to.
  public static let targets: [ElementType] = [.float32, .bfloat16, .float16]
  /// Types that can be cast from.
  public static let sources: [ElementType] = [.float64] + targets + [.float8E4M3, .float8E5M2]

  /// - Parameter instructionSet: as for `CPUBackend`.
  /// - Throws: `.castUnsupported`; `.badArgument` for an instruction set that cannot be had.
  public init(
    from source: ElementType, to target: ElementType, instructionSet: InstructionSet? = nil
  ) throws(HybridizeError) {
    guard source == target || Self.sources.contains(source) && Self.targets.contains(target) else {
      throw HybridizeError(
        .castUnsupported, expected: "F64, F32, BF16, F16, F8_E4M3 or F8_E5M2 to F32, BF16 or F16",
        found: "\(source.rawValue) to \(target.rawValue)")
    }
    self.source = source
    self.target = target
    table = source.isFloat8 ? SmallFloat(source)?.table ?? [] : []
    kernels = try InstructionSet.kernels(instructionSet).pointee
  }

  /// Casts all elements of `bytes` into `result`.
  ///
  /// - Precondition: both hold the same whole number of elements, do not overlap, and are aligned to them.
  public func run(_ bytes: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer) -> Loss {
    let count = bytes.count * 8 / source.bitsPerElement
    precondition(count * source.bitsPerElement == bytes.count * 8, "a part of an element")
    precondition(result.count * 8 == count * target.bitsPerElement, "\(result.count) bytes for \(count) elements")
    guard count > 0, let from = bytes.baseAddress, let to = result.baseAddress else { return Loss() }
    switch (source, target) {
    case (let a, let b) where a == b:
      result.copyMemory(from: bytes)
      return Loss()
    case (.float64, .float32): return roundDoubles(from, count, to)
    case (.float8E4M3, .float32), (.float8E5M2, .float32):
      for index in 0..<count { to.storeBytes(of: table[Int(bytes[index])], toByteOffset: 4 * index, as: Float.self) }
      return Loss()
    case (.float8E4M3, _), (.float8E5M2, _):
      return throughFloats(count, to) { first, floats in
        for index in floats.indices { floats[index] = table[Int(bytes[first + index])] }
      }
    case (_, .float32):
      kernels.widen(source.kernelType, from, count, to.assumingMemoryBound(to: Float.self))
      return Loss()
    case (.float32, _): return narrow(from.assumingMemoryBound(to: Float.self), count, to)
    case (.float64, _):
      // Rounded to odd first, so that the second rounding sees what the first has cut off.
      return throughFloats(count, to) { first, floats in
        for index in floats.indices {
          let value = from.loadUnaligned(fromByteOffset: 8 * (first + index), as: Double.self)
          floats[index] = Float(roundingToOdd: value)
        }
      }
    default:
      return throughFloats(count, to) { first, floats in
        guard let buffer = floats.baseAddress else { return }
        kernels.widen(source.kernelType, from + 2 * first, floats.count, buffer)
      }
    }
  }

  private func narrow(_ from: UnsafePointer<Float>, _ count: Int, _ to: UnsafeMutableRawPointer) -> Loss {
    var lost = ck_narrowing()
    kernels.narrow(target.kernelType, from, count, to.assumingMemoryBound(to: UInt16.self), &lost)
    return Loss(overflows: lost.overflows, underflows: lost.underflows)
  }

  /// To a 16-bit type by way of float32, a few thousand at a time, so that the floats stay in cache.
  ///
  /// - Parameter widen: fills the buffer with the elements from `first` on.
  private func throughFloats(
    _ count: Int, _ to: UnsafeMutableRawPointer, _ widen: (_ first: Int, UnsafeMutableBufferPointer<Float>) -> Void
  ) -> Loss {
    let step = 4096
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: step) { floats in
      var loss = Loss()
      for first in stride(from: 0, to: count, by: step) {
        let part = UnsafeMutableBufferPointer(rebasing: floats.prefix(count - first))
        widen(first, part)
        if let buffer = part.baseAddress { loss += narrow(buffer, part.count, to + 2 * first) }
      }
      return loss
    }
  }

  private func roundDoubles(_ from: UnsafeRawPointer, _ count: Int, _ to: UnsafeMutableRawPointer) -> Loss {
    var loss = Loss()
    for index in 0..<count {
      let value = from.loadUnaligned(fromByteOffset: 8 * index, as: Double.self)
      let rounded = Float(value)
      to.storeBytes(of: rounded, toByteOffset: 4 * index, as: Float.self)
      if value.isFinite && rounded.isInfinite { loss.overflows += 1 }
      if value != 0 && rounded == 0 { loss.underflows += 1 }
    }
    return loss
  }
}

extension Problem {
  public static let castUnsupported = Problem(
    "castUnsupported", .argument, "values cannot be rounded from this element type to that one")
}
