import HybridizeCore

/// A chunk index for datasets whose dimensions are all bounded: one element a chunk, in one block.
enum HDF5FixedArray {
  /// Calls `body` with the number and the bytes of every element.
  static func visit(
    _ input: HDF5Input, at address: Int,
    _ body: (_ number: Int, _ element: HDF5ArrayElement) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let sizes = input.sizes
    var header = try input.checkedStructure(at: address, count: 12 + sizes.length + sizes.offset)
    try header.expect(signature: "FAHD")
    try header.expect("fixed array version", in: 0...0)
    let isFiltered = try header.expect("fixed array client", in: 0...1) == 1
    let elementSize = try header.byte()
    let pageBits = try header.byte()
    let count = try header.length()
    let block = try header.optionalAddress()
    guard elementSize > sizes.offset + (isFiltered ? 4 : -1), pageBits < 32 else {
      throw header.corrupt("elements with an address", "\(elementSize) bytes")
    }
    guard let block else { return }
    let elements = HDF5ArrayPages(elementSize: elementSize, isFiltered: isFiltered, pageSize: 1 << pageBits)
    let isPaged = count > elements.pageSize
    let pages = isPaged ? (count - 1) / elements.pageSize + 1 : 0
    let prefix = 6 + sizes.offset + (isPaged ? (pages + 7) / 8 : 0)
    let bytes = isPaged ? 0 : try CheckedMath.multiply(count, elementSize)
    var cursor = try input.checkedStructure(at: block, count: try CheckedMath.add(bytes, prefix + 4))
    try cursor.expect(signature: "FADB")
    try cursor.expect("fixed array version", in: 0...0)
    try cursor.skip(1 + sizes.offset)
    guard isPaged else {
      for number in 0..<count { try body(number, try elements.next(&cursor)) }
      return
    }
    let initialised = try cursor.take((pages + 7) / 8)
    try elements.visitPages(
      input, at: try CheckedMath.add(block, prefix + 4), initialised: initialised[...], count: count, from: 0, body)
  }
}

/// Elements of chunk arrays, in pages of their own where there are many.
struct HDF5ArrayPages {
  let elementSize: Int
  let isFiltered: Bool
  /// Elements of a page.
  let pageSize: Int

  func next(_ cursor: inout HDF5Cursor) throws(HybridizeError) -> HDF5ArrayElement {
    HDF5ArrayElement(body: try cursor.part(elementSize), isFiltered: isFiltered)
  }

  /// Visits `count` elements in pages that follow each other, each with a checksum; the last one may be shorter.
  ///
  /// - Parameters:
  ///   - initialised: a bit for every page, the highest of a byte first. Pages that were never written are passed over.
  ///   - from: the number of the first element.
  func visitPages(
    _ input: HDF5Input, at address: Int, initialised: ArraySlice<UInt8>, count: Int, from: Int,
    _ body: (_ number: Int, _ element: HDF5ArrayElement) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let pageBytes = try CheckedMath.add(try CheckedMath.multiply(pageSize, elementSize), 4)
    var first = 0
    var place = address
    for byte in initialised {
      for bit in 0..<8 where first < count {
        let pageCount = min(pageSize, count - first)
        if byte >> UInt8(7 - bit) & 1 == 1 {
          var page = try input.checkedStructure(at: place, count: pageCount * elementSize + 4)
          for number in 0..<pageCount { try body(try CheckedMath.add(from, first + number), try next(&page)) }
        }
        first += pageCount
        place = try CheckedMath.add(place, pageBytes)
      }
    }
  }
}
