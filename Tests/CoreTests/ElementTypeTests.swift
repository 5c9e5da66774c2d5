import HybridizeCore
import TestSupport
import Testing

@Suite("element types")
struct ElementTypeTests {
  /// The library's order, lowest rank first, with the bits of each.
  @Test("stand in the order of the safetensors library, with its sizes")
  func order() {
    let expected: [(String, Int)] = [
      ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8),
      ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16),
      ("I32", 32), ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
    ]
    #expect(ElementType.allCases.map(\.rawValue) == expected.map(\.0))
    #expect(ElementType.allCases.map(\.bitsPerElement) == expected.map(\.1))
    #expect(ElementType.allCases.map(\.rank) == Array(0..<expected.count))
  }

  @Test(
    "count bytes",
    arguments: [
      (ElementType.float32, 3, 12), (.bool, 0, 0), (.float4, 4, 2), (.float6E2M3, 4, 3), (.complex64, 2, 16),
      (.uint8, 1 << 60, 1 << 60),
    ])
  func byteCount(_ type: ElementType, _ count: Int, _ bytes: Int) throws {
    #expect(try type.byteCount(elements: count) == bytes)
  }

  @Test("refuse part of a byte", arguments: [(ElementType.float4, 3), (.float6E2M3, 1), (.float6E3M2, 6)])
  func misaligned(_ type: ElementType, _ count: Int) {
    expectProblem(.subByteMisaligned) { try type.byteCount(elements: count) }
  }

  @Test(
    "refuse sizes whose bits do not fit",
    arguments: [(ElementType.uint8, 1 << 61), (.uint64, 1 << 58), (.float4, .max)])
  func overflow(_ type: ElementType, _ count: Int) {
    expectProblem(.sizeOverflow) { try type.byteCount(elements: count) }
  }
}
