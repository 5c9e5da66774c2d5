import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("statistics of stored values")
struct ValueStatisticsTests {
  static let values: [Double] = {
    var generator = SeededGenerator(seed: 21)
    return (0..<10_007).map { index in
      index % 50 == 0 ? 0 : Double(Float(generator.uniform(-1, 1) * [1e-6, 1, 1000][index % 3]))
    }
  }()

  private func statistics(
    _ values: [Double], _ type: ElementType, pieces: [Int], on set: InstructionSet
  ) throws -> ValueStatistics {
    let stored = StoredTensor(encoding: values, as: type, shape: [values.count])
    var statistics = try ValueStatistics(type, instructionSet: set)
    var start = 0
    for piece in pieces {
      let width = type.bitsPerElement / 8
      statistics.add(UnsafeRawBufferPointer(rebasing: stored.bytes[start * width..<(start + piece) * width]))
      start += piece
    }
    precondition(start == values.count)
    return statistics
  }

  @Test(
    "counts, extremes and moments are those of the values", arguments: InstructionSet.available,
    [ElementType.float32, .float64])
  func plain(_ set: InstructionSet, _ type: ElementType) throws {
    let values = Self.values
    let found = try statistics(values, type, pieces: [0, 1, 63, 4096, 5000, 847], on: set)
    #expect(found.count == values.count && found.finite == values.count)
    #expect(found.zeros == values.count { $0 == 0 })
    #expect(found.least == values.min() && found.greatest == values.max())
    let mean = values.reduce(0, +) / Double(values.count)
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    #expect(abs(try #require(found.mean) - mean) < 1e-9)
    #expect(abs(try #require(found.standardDeviation) - square.squareRoot()) < 1e-6)
    let (first, counts) = found.histogram
    #expect(counts.reduce(0, +) == values.count - found.zeros)
    for (offset, count) in counts.enumerated() {
      #expect(count == values.count { $0 != 0 && Int($0.exponent) == first + offset })
    }
  }

  @Test(
    "what is not finite is counted and left out", arguments: InstructionSet.available,
    [ElementType.float32, .bfloat16, .float16])
  func notFinite(_ set: InstructionSet, _ type: ElementType) throws {
    // Bits of NaN, both infinities, 1, -2 and a zero in each type.
    let bits: [UInt32] =
      switch type {
      case .float32: [0x7FC0_0000, 0x7F80_0000, 0xFF80_0000, 0x3F80_0000, 0xC000_0000, 0x8000_0000]
      case .bfloat16: [0x7FC0, 0x7F80, 0xFF80, 0x3F80, 0xC000, 0x8000]
      default: [0x7E00, 0x7C00, 0xFC00, 0x3C00, 0xC000, 0x8000]
      }
    let repeated = (0..<50).flatMap { _ in bits }
    var statistics = try ValueStatistics(type, instructionSet: set)
    if type == .float32 {
      repeated.withUnsafeBytes { statistics.add($0) }
    } else {
      repeated.map { UInt16($0) }.withUnsafeBytes { statistics.add($0) }
    }
    #expect(statistics.count == 300 && statistics.finite == 150)
    #expect(statistics.notNumbers == 50 && statistics.infinities == 100 && statistics.zeros == 50)
    #expect(statistics.least == -2 && statistics.greatest == 1)
    #expect(abs(try #require(statistics.mean) + 1.0 / 3) < 1e-12)
  }

  @Test("small and whole types are read by their own rules")
  func smallTypes() throws {
    func extremes(_ type: ElementType, _ bytes: [UInt8]) throws -> [Double?] {
      var statistics = try ValueStatistics(type)
      bytes.withUnsafeBytes { statistics.add($0) }
      return [statistics.least, statistics.greatest, Double(statistics.notNumbers)]
    }
    let all = (0...255).map { UInt8($0) }
    // The largest numbers of each, and its NaNs, by the definitions of the types.
    #expect(try extremes(.float8E4M3, all) == [-448, 448, 2])
    #expect(try extremes(.float8E5M2, all) == [-57344, 57344, 6])
    #expect(try extremes(.float8E4M3FNUZ, all) == [-240, 240, 1])
    #expect(try extremes(.float8E5M2FNUZ, all) == [-57344, 57344, 1])
    #expect(try extremes(.float4, [0x21, 0xF7]) == [-6, 6, 0])
    #expect(try extremes(.int8, all) == [-128, 127, 0])
    #expect(try extremes(.uint16, [0xFF, 0xFF, 0, 0]) == [0, 65535, 0])
    #expect(try extremes(.int64, [UInt8](repeating: 0xFF, count: 8)) == [-1, -1, 0])
    expectProblem(.valuesUnknown) { try ValueStatistics(.complex64).count }
  }

  @Test("differences of two types are those of their values", arguments: InstructionSet.available)
  func difference(_ set: InstructionSet) throws {
    var values = Self.values
    let first = StoredTensor(encoding: values, as: .float32, shape: [values.count])
    values[5000] += 0.5
    values[77] -= 3
    let second = StoredTensor(encoding: values, as: .float64, shape: [values.count])
    var difference = try ValueDifference(.float32, .float64, instructionSet: set)
    difference.add(first.bytes, second.bytes)
    #expect(difference.count == values.count && difference.differing == 2 && difference.incomparable == 0)
    #expect(abs(difference.largest - 3) < 1e-4)
    #expect(abs(difference.mean - 3.5 / Double(values.count)) < 1e-7)

    var broken = try ValueDifference(.float32, .float32, instructionSet: set)
    let left: [Float] = [.nan, 1, .infinity, 2]
    let right: [Float] = [.nan, .nan, 1, 2]
    left.withUnsafeBytes { a in right.withUnsafeBytes { b in broken.add(a, b) } }
    #expect(broken.differing == 2 && broken.incomparable == 2 && broken.largest == 0)
  }
}
