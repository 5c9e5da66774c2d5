import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a slice of a tensor")
struct TensorSliceTests {
  let scratch = TemporaryDirectory()

  private func reader(_ type: ElementType, _ shape: Shape, _ bytes: [UInt8]) throws -> any TensorReader {
    let path = scratch.path("slices.safetensors")
    let tensor = try TensorDescriptor(name: "t", elementType: type, shape: shape)
    let writer = try SafetensorsWriter(path, tensors: [tensor], replacing: true)
    try bytes.withUnsafeBytes { try writer.append($0, to: "t") }
    _ = try writer.finish()
    return try FormatRegistry.open(path)
  }

  @Test("is what indexing element by element gives, for random shapes and ranges", arguments: UInt64(0)..<8)
  func random(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "slices")
    for _ in 0..<40 {
      let dimensions = (0..<random.index(below: 5)).map { _ in random.index(below: 6) }
      let count = dimensions.reduce(1, *)
      let bytes = (0..<2 * count).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
      let reader = try reader(.uint16, Shape(dimensions), bytes)
      let ranges = dimensions.prefix(random.index(below: dimensions.count + 1)).map { size in
        let first = random.index(below: size + 1)
        return first..<first + random.index(below: size - first + 1)
      }
      let slice = try reader.slice("t", Array(ranges))
      let whole = dimensions.enumerated().map { $0.offset < ranges.count ? ranges[$0.offset] : 0..<$0.element }
      var expected: [UInt8] = []
      for index in 0..<count {
        var rest = index
        var isInside = true
        for dimension in dimensions.indices.reversed() {
          if !whole[dimension].contains(rest % dimensions[dimension]) { isInside = false }
          rest /= dimensions[dimension]
        }
        if isInside { expected += bytes[2 * index..<2 * index + 2] }
      }
      #expect(slice.shape.dimensions == whole.map(\.count))
      withExtendedLifetime(slice) { #expect(Array(slice.bytes) == expected, "seed \(seed), \(dimensions), \(ranges)") }
    }
  }

  @Test("that does not fit says how")
  func refused() throws {
    let reader = try reader(.uint8, [2, 3], [1, 2, 3, 4, 5, 6])
    expectProblem(.sliceTooDeep) { try reader.slice("t", [0..<1, 0..<1, 0..<1]).shape }
    let error = expectProblem(.sliceOutOfBounds) { try reader.slice("t", [0..<1, 1..<4]).shape }
    #expect(error?.expected?.contains("0..<3 in dimension 1") == true)
    expectProblem(.sliceOutOfBounds) { try reader.slice("t", [-1..<1]).shape }
    expectProblem(.missingTensor) { try reader.slice("u", []).shape }
  }

  @Test(
    "of nothing is nothing, however large the other dimensions",
    arguments: [[0, 1 << 62], [1 << 62, 0], [1 << 62, 0, 1 << 62]] as [Shape])
  func empty(_ shape: Shape) throws {
    for type in [ElementType.float32, .uint8, .float4] {
      let reader = try reader(type, shape, [])
      try checkTensorReader(reader)
      for ranges in [[], [0..<0], shape.dimensions.map { 0..<min($0, 5) }] {
        let slice = try reader.slice("t", ranges)
        #expect(slice.bytes.isEmpty && slice.shape.rank == shape.rank)
      }
      expectProblem(.sliceOutOfBounds) { try reader.slice("t", [0..<(1 << 62) + 1]).shape }
    }
  }

  @Test("of a packed type begins and ends with a byte")
  func packed() throws {
    let reader = try reader(.float4, [2, 4], [0x10, 0x32, 0x54, 0x76])
    let row = try reader.slice("t", [1..<2])
    withExtendedLifetime(row) { #expect(Array(row.bytes) == [0x54, 0x76]) }
    let half = try reader.slice("t", [0..<2, 2..<4])
    withExtendedLifetime(half) { #expect(Array(half.bytes) == [0x32, 0x76]) }
    expectProblem(.misalignedSlice) { try reader.slice("t", [0..<2, 1..<3]).shape }
    expectProblem(.misalignedSlice) { try reader.slice("t", [0..<2, 0..<1]).shape }
  }
}
