import CKernels
import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("casts between element types", .serialized)
struct ElementCastTests {
  /// Values near every corner of the three types: ends of the ranges, subnormals, ties, signs, and random ones.
  static let values: [Float] = {
    var generator = SeededGenerator(seed: 11)
    var values: [Float] = [0, -0, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
    for base in [65504, 65519.996, 65520, 65536, 3.3895314e38, 3.3961776e38, 6.1035156e-5, 5.9604645e-8, 2.9802322e-8]
      as [Float]
    {
      values += [base, -base, base.nextUp, base.nextDown, -base.nextUp]
    }
    for exponent in -150...127 {
      let power = Float(sign: .plus, exponent: exponent, significand: 1)
      // Halfway between neighbours of bfloat16 (8 bits) and of float16 (11 bits), and just beside.
      for step in [0x1p-8, 0x1p-9, 0x1p-11, 0x1p-12] as [Float] {
        for factor in [1 + step, 1 + 3 * step, (1 + step).nextUp, (1 + step).nextDown] { values.append(power * factor) }
      }
    }
    values += (0..<20_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
    return values
  }()

  /// The nearest bfloat16, found by comparing distances to both neighbours.
  static func bfloat16(_ value: Double) -> UInt16 {
    if value.isNaN { return 0x7FC0 }
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    func number(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }
    let size = value.magnitude
    // The first above the largest stands for 2^128 when distances are compared.
    func reach(_ bits: UInt16) -> Double { bits == 0x7F80 ? 0x1p128 : number(bits) }
    if size == .infinity { return sign | 0x7F80 }
    var low: UInt16 = 0
    var high: UInt16 = 0x7F80
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if reach(middle) <= size { low = middle } else { high = middle }
    }
    let (below, above) = (size - reach(low), reach(high) - size)
    if below == above { return sign | (low % 2 == 0 ? low : high) }
    return sign | (below < above ? low : high)
  }

  static func expected(_ value: Double, _ type: ElementType) -> UInt16 {
    if type == .bfloat16 { return bfloat16(value) }
    #if os(macOS) && arch(x86_64)
      preconditionFailure("no Float16 here")
    #else
      return Float16(value).bitPattern
    #endif
  }

  static func isNaN(_ bits: UInt16, _ type: ElementType) -> Bool {
    let infinity: UInt16 = type == .bfloat16 ? 0x7F80 : 0x7C00
    return bits & 0x7FFF > infinity
  }

  private func cast<From, To>(
    _ values: [From], _ source: ElementType, _ target: ElementType, as: To.Type, on set: InstructionSet
  ) throws -> ([To], ElementCast.Loss) {
    let cast = try ElementCast(from: source, to: target, instructionSet: set)
    var loss = ElementCast.Loss()
    let result = [To](unsafeUninitializedCapacity: values.count) { buffer, count in
      values.withUnsafeBytes { loss = cast.run($0, into: UnsafeMutableRawBufferPointer(buffer)) }
      count = values.count
    }
    return (result, loss)
  }

  private func check(_ found: [UInt16], _ values: [Double], _ type: ElementType, _ loss: ElementCast.Loss) {
    var overflows = 0
    var underflows = 0
    let infinity: UInt16 = type == .bfloat16 ? 0x7F80 : 0x7C00
    for (value, bits) in zip(values, found) {
      if value.isNaN {
        #expect(Self.isNaN(bits, type))
      } else {
        let wanted = Self.expected(value, type)
        if bits != wanted { Issue.record("\(value) became \(bits), not \(wanted)") }
        if value.isFinite && wanted & 0x7FFF == infinity { overflows += 1 }
        if value != 0 && wanted & 0x7FFF == 0 { underflows += 1 }
      }
    }
    #expect(loss == ElementCast.Loss(overflows: overflows, underflows: underflows))
    #expect(overflows > 0 && underflows > 0, "the values reach both ends")
  }

  @Test(
    "float32 is rounded to nearest, ties to even, and losses are counted", arguments: InstructionSet.available,
    [ElementType.bfloat16, .float16])
  func fromFloat(_ set: InstructionSet, _ type: ElementType) throws {
    let (found, loss) = try cast(Self.values, .float32, type, as: UInt16.self, on: set)
    check(found, Self.values.map { Double($0) }, type, loss)
  }

  @Test(
    "float64 is rounded once, not twice", arguments: InstructionSet.available, [ElementType.bfloat16, .float16])
  func fromDouble(_ set: InstructionSet, _ type: ElementType) throws {
    // A little beside a tie, by less than float32 can tell.
    var values = Self.values.map { Double($0) }
    values += values.map { $0 * (1 + 0x1p-40) } + values.map { $0 * (1 - 0x1p-40) } + [1e300, -1e300, 1e-300]
    let (found, loss) = try cast(values, .float64, type, as: UInt16.self, on: set)
    check(found, values, type, loss)
    let (floats, lost) = try cast(values, .float64, .float32, as: Float.self, on: set)
    #expect(zip(floats, values).allSatisfy { $0 == Float($1) || $0.isNaN && $1.isNaN })
    #expect(lost.overflows >= 2 && lost.underflows >= 1)
  }

  @Test("every 16-bit value widens exactly and comes back", arguments: InstructionSet.available)
  func widening(_ set: InstructionSet) throws {
    let all = (0...UInt16.max).map { $0 }
    for type in [ElementType.bfloat16, .float16] {
      let (floats, _) = try cast(all, type, .float32, as: Float.self, on: set)
      let (back, loss) = try cast(floats, .float32, type, as: UInt16.self, on: set)
      #expect(loss == ElementCast.Loss())
      #expect(zip(all, back).allSatisfy { $0 == $1 || Self.isNaN($0, type) && Self.isNaN($1, type) })
    }
    let (crossed, loss) = try cast(all, .bfloat16, .float16, as: UInt16.self, on: set)
    check(crossed, all.map { Double(Float(bitPattern: UInt32($0) << 16)) }, .float16, loss)
  }

  @Test("float8 becomes float32, bfloat16 and float16 with torch's values", arguments: InstructionSet.available)
  func fromFloat8(_ set: InstructionSet) throws {
    let codes = (0...UInt8.max).map { $0 }
    for type in [ElementType.float8E4M3, .float8E5M2] {
      let expected = try Golden("float8")[type.rawValue].values
      let (floats, lost) = try cast(codes, type, .float32, as: Float.self, on: set)
      #expect(lost == ElementCast.Loss())
      #expect(zip(floats, expected).allSatisfy { Double($0) == $1 || $0.isNaN && $1.isNaN })
      for target in [ElementType.bfloat16, .float16] {
        let (narrow, loss) = try cast(codes, type, target, as: UInt16.self, on: set)
        #expect(loss == ElementCast.Loss())
        let (back, _) = try cast(narrow, target, .float32, as: Float.self, on: set)
        #expect(zip(back, expected).allSatisfy { Double($0) == $1 || $0.isNaN && $1.isNaN })
      }
    }
  }

  @Test("other types are refused, the same type is copied")
  func refused() throws {
    expectProblem(.castUnsupported) { try ElementCast(from: .int32, to: .float32) }
    expectProblem(.castUnsupported) { try ElementCast(from: .float32, to: .float8E4M3) }
    let (copy, loss) = try cast([1, 2, 3] as [Int64], .int64, .int64, as: Int64.self, on: .portable)
    #expect(copy == [1, 2, 3] && loss == ElementCast.Loss())
  }
}
