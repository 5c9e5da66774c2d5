import HybridizeCore

extension TensorReader {
  /// A part of a tensor: the indices `ranges[d]` of each dimension `d`, all of those that are not named.
  ///
  /// Reads the runs of bytes that hold it and no others.
  ///
  /// - Throws: `.missingTensor`, `.sliceTooDeep` for more ranges than dimensions, `.sliceOutOfBounds`,
  ///   `.misalignedSlice` for a packed type whose run begins or ends within a byte, and reading errors.
  public func slice(_ name: String, _ ranges: [Range<Int>]) throws(HybridizeError) -> StoredTensor {
    guard let tensor = descriptor(named: name) else { throw missing(name) }
    let runs: SliceRuns
    do { runs = try SliceRuns(tensor, ranges) } catch { throw error.inTensor(name).inFile(path) }
    let bytes = try OwnedBytes(claimed: runs.count * runs.byteCount)
    for index in 0..<runs.count {
      let target = UnsafeMutableRawBufferPointer(
        rebasing: bytes.bytes[index * runs.byteCount..<(index + 1) * runs.byteCount])
      let start = runs.start(index)
      try read(name, range: start..<start + runs.byteCount, into: target)
    }
    return StoredTensor(
      name: name, elementType: tensor.elementType, shape: runs.shape, bytes: UnsafeRawBufferPointer(bytes.bytes),
      owner: bytes)
  }
}

/// The runs of consecutive bytes that make up a slice, all of one length.
private struct SliceRuns {
  let shape: Shape
  /// How many runs there are.
  let count: Int
  /// Bytes of each.
  let byteCount: Int
  /// For each dimension in front of the runs: how many indices it has, the first of them, and the bits from one to the
  /// next.
  private let outer: [(count: Int, first: Int, bits: Int)]
  /// Bits before the first element of a run, from the dimension along which runs go.
  private let offsetBits: Int

  init(_ tensor: TensorDescriptor, _ ranges: [Range<Int>]) throws(HybridizeError) {
    let dimensions = tensor.shape.dimensions
    guard ranges.count <= dimensions.count else {
      throw HybridizeError(
        .sliceTooDeep, expected: "at most \(dimensions.count) ranges", found: "\(ranges.count) ranges")
    }
    for (dimension, range) in ranges.enumerated()
    where range.lowerBound < 0 || range.upperBound > dimensions[dimension] {
      throw HybridizeError(
        .sliceOutOfBounds, expected: "within 0..<\(dimensions[dimension]) in dimension \(dimension)", found: "\(range)")
    }
    let whole = dimensions.enumerated().map { $0.offset < ranges.count ? ranges[$0.offset] : 0..<$0.element }
    shape = Shape(whole.map(\.count))
    guard !dimensions.contains(0) else {
      // Other dimensions may be of any size, and strides would not fit.
      (count, byteCount, outer, offsetBits) = (0, 0, [], 0)
      return
    }
    // Bits from one index to the next; they fit, as those of the whole tensor do.
    var strides = [Int](repeating: tensor.elementType.bitsPerElement, count: dimensions.count)
    for dimension in dimensions.indices.dropLast().reversed() {
      strides[dimension] = strides[dimension + 1] * dimensions[dimension + 1]
    }
    // A run goes along the last dimension that is not taken whole, and through all behind it.
    let along = whole.indices.last { whole[$0].count != dimensions[$0] } ?? 0
    let runBits = dimensions.isEmpty ? tensor.elementType.bitsPerElement : whole[along].count * strides[along]
    offsetBits = dimensions.isEmpty ? 0 : whole[along].lowerBound * strides[along]
    outer = (0..<along).map { (whole[$0].count, whole[$0].lowerBound, strides[$0]) }
    byteCount = runBits / 8
    count = byteCount == 0 ? 0 : outer.reduce(1) { $0 * $1.count }
    guard runBits % 8 == 0, offsetBits % 8 == 0, outer.allSatisfy({ $0.bits % 8 == 0 }) else {
      throw HybridizeError(.misalignedSlice, found: "\(tensor.elementType.rawValue) \(tensor.shape) at \(ranges)")
    }
  }

  /// Where a run begins, in bytes from the first of the tensor.
  func start(_ index: Int) -> Int {
    var rest = index
    var bits = offsetBits
    for dimension in outer.reversed() {
      bits += (dimension.first + rest % dimension.count) * dimension.bits
      rest /= dimension.count
    }
    return bits / 8
  }
}

extension Problem {
  public static let sliceTooDeep = Problem("sliceTooDeep", .argument, "the slice has more ranges than dimensions")
  public static let sliceOutOfBounds = Problem("sliceOutOfBounds", .argument, "the slice is not within the tensor")
  public static let misalignedSlice = Problem(
    "misalignedSlice", .argument, "the slice begins or ends within a byte of a packed type")
}
