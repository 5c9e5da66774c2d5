import HybridizeCore

/// A dataset as the file describes it, checked against the size of the file.
package struct HDF5Dataset: Sendable {
  package enum Storage: Sendable {
    /// These bytes of the file.
    case contiguous(Range<Int>)
    case compact([UInt8])
    case chunked(HDF5ChunkTable)
    /// Nothing has been stored: every element has the fill value.
    case absent
  }

  package let elementType: ElementType
  package let shape: Shape
  package let storage: Storage
  /// Bytes of all elements.
  package let byteCount: Int
  /// The file has the bytes of each element in the other order.
  package let isBigEndian: Bool
  /// Of one element, in the order of the file.
  let fillValue: [UInt8]

  var elementSize: Int { fillValue.count }

  /// The bytes of the file that hold data.
  package var extents: [Range<Int>] {
    switch storage {
    case .contiguous(let range): [range]
    case .chunked(let table): table.entries.map(\.range)
    case .compact, .absent: []
    }
  }

  /// - Throws: what is wrong with the dataset, or not supported of it.
  init(_ input: HDF5Input, _ header: HDF5ObjectHeader, _ attributes: HDF5Attributes) throws(HybridizeError) {
    guard header.all(.externalFiles).isEmpty else {
      throw HybridizeError(
        .hdf5ExternalData, expected: "data in the file itself", found: "a list of external files",
        remedy: "do not trust this file")
    }
    guard let typeMessage = try header.first(.datatype), let spaceMessage = try header.first(.dataspace),
      let layoutMessage = try header.first(.layout)
    else {
      throw HybridizeError(.hdf5Corrupt, expected: "a datatype, a dataspace and a layout", found: "not all of them")
    }
    // Before the layout: what leads elsewhere is refused as that, whatever else it is.
    let layout = try HDF5StorageLayout(layoutMessage)
    let type = try HDF5Datatype(typeMessage)
    elementType = try Self.elementType(type, attributes)
    isBigEndian = type.isBigEndian && type.size > 1
    let space = try HDF5Dataspace(spaceMessage)
    shape = Shape(space.dimensions ?? [0])
    byteCount = try CheckedMath.multiply(try shape.elementCount(), type.size)
    fillValue = try Self.fillValue(header, size: type.size)
    let filters = try header.first(.filters).map { (message) throws(HybridizeError) in
      try HDF5FilterPipeline(message)
    }
    storage = try Self.storage(
      input, layout, space, elementSize: type.size, byteCount: byteCount, filters: filters ?? HDF5FilterPipeline())
  }

  /// Two opaque bytes are a bfloat16: Keras 3 says so in an attribute, older writers do not.
  private static func elementType(
    _ type: HDF5Datatype, _ attributes: HDF5Attributes
  ) throws(HybridizeError) -> ElementType {
    let found: String
    switch type.kind {
    case .number(let element): return element
    case .opaque:
      let name = attributes.string("dtype")
      if type.size == 2, name == nil || name == "bfloat16" { return .bfloat16 }
      found = "\(type.size) opaque bytes" + (name.map { " said to be \($0)" } ?? "")
    case .fixedString, .variableString: found = "text"
    case .other(let what): found = what
    }
    throw HybridizeError(
      .hdf5UnsupportedType, expected: "integers of 1 to 8 bytes, float16, bfloat16, float32, float64 or booleans",
      found: found)
  }

  private static func fillValue(_ header: HDF5ObjectHeader, size: Int) throws(HybridizeError) -> [UInt8] {
    // An element has at most 8 bytes here.
    let zero = [UInt8](repeating: 0, count: size)
    if var cursor = try header.first(.fillValue) {
      let version = try cursor.expect("fill value version", in: 1...3)
      let flags: Int
      if version == 3 { flags = try cursor.byte() } else { flags = try cursor.unsigned(3) >> 16 == 0 ? 0 : 0x20 }
      guard flags & 0x20 != 0 || version == 1 else { return zero }
      let count = try cursor.integer(4)
      return count == size ? try cursor.take(size) : zero
    }
    if var cursor = try header.first(.oldFillValue) {
      let count = try cursor.integer(4)
      return count == size ? try cursor.take(size) : zero
    }
    return zero
  }

  private static func storage(
    _ input: HDF5Input, _ layout: HDF5StorageLayout, _ space: HDF5Dataspace, elementSize: Int, byteCount: Int,
    filters: HDF5FilterPipeline
  ) throws(HybridizeError) -> Storage {
    switch layout {
    case .compact(var data):
      guard data.rest >= byteCount else {
        throw HybridizeError(
          .hdf5Truncated, offset: data.offset, expected: "\(byteCount) bytes", found: "\(data.rest) bytes")
      }
      return .compact(try data.take(byteCount))
    case .contiguous(let address, let size):
      guard let address, byteCount > 0 else {
        try HDF5Limits.checkExpansion(logical: byteCount, stored: 0)
        return .absent
      }
      guard size >= byteCount else {
        throw HybridizeError(.hdf5Corrupt, expected: "\(byteCount) bytes of data", found: "\(size) bytes")
      }
      return .contiguous(try input.place(address, byteCount))
    case .chunked(let chunking):
      guard chunking.elementSize == elementSize, let shape = space.dimensions, shape.count == chunking.shape.count
      else {
        throw HybridizeError(
          .hdf5Corrupt, expected: "chunks of the dataset's rank and type",
          found: "\(chunking.shape.count) dimensions, elements of \(chunking.elementSize) bytes")
      }
      guard byteCount > 0 else { return .absent }
      let table = try HDF5ChunkTable(
        shape: shape, chunkShape: chunking.shape, elementSize: elementSize, filters: filters, limits: input.limits)
      var index = HDF5ChunkIndex(chunking, maximum: space.maximum, table: table)
      try index.read(input)
      try index.table.checkExpansion(byteCount: byteCount)
      return .chunked(index.table)
    }
  }
}

extension HDF5ChunkTable {
  /// Bounds what absent and strongly compressed chunks may stand for, in bytes and in chunks.
  ///
  /// - Throws: `.hdf5ShapeBomb`.
  fileprivate func checkExpansion(byteCount: Int) throws(HybridizeError) {
    try HDF5Limits.checkExpansion(logical: byteCount, stored: storedBytes)
    let places = try Shape(grid).elementCount()
    guard places <= 65_536 || places / 16 <= entries.count else {
      throw HybridizeError(
        .hdf5ShapeBomb, expected: "at most 65,536 chunks, or 16 times as many as are stored",
        found: "\(NumberText.grouped(places)) chunks, \(NumberText.grouped(entries.count)) stored")
    }
  }
}
