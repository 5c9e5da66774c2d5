import HybridizeCore

/// A chunk index for datasets with one dimension without bound: an index block with the first elements, then data
/// blocks that grow, then blocks of addresses of data blocks.
struct HDF5ExtensibleArray {
  private let input: HDF5Input
  private let pages: HDF5ArrayPages
  private let offsetBytes: Int
  private let indexElements: Int
  private let smallestBlock: Int
  private let smallestPointers: Int
  /// Kinds of data block, by which both their number and their size grow.
  private let groups: Int
  private let indexBlock: Int?

  static func visit(
    _ input: HDF5Input, at address: Int,
    _ body: (_ number: Int, _ element: HDF5ArrayElement) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    try HDF5ExtensibleArray(input, at: address).visit(body)
  }

  private init(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    self.input = input
    let sizes = input.sizes
    var header = try input.checkedStructure(at: address, count: 16 + 6 * sizes.length + sizes.offset)
    try header.expect(signature: "EAHD")
    try header.expect("extensible array version", in: 0...0)
    let isFiltered = try header.expect("extensible array client", in: 0...1) == 1
    let elementSize = try header.byte()
    let bits = try header.byte()
    indexElements = try header.byte()
    smallestBlock = try header.byte()
    smallestPointers = try header.byte()
    let pageBits = try header.byte()
    for _ in 0..<6 { _ = try header.length() }
    indexBlock = try header.optionalAddress()
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard elementSize > sizes.offset + (isFiltered ? 4 : -1), pageBits < 32, (1...62).contains(bits),
      isPower(smallestBlock), isPower(smallestPointers), smallestPointers > 1,
      bits >= smallestBlock.trailingZeroBitCount,
      1 + bits - smallestBlock.trailingZeroBitCount >= 2 * smallestPointers.trailingZeroBitCount
    else { throw header.corrupt("the sizes of an extensible array", "others") }
    pages = HDF5ArrayPages(elementSize: elementSize, isFiltered: isFiltered, pageSize: 1 << pageBits)
    offsetBytes = (bits + 7) / 8
    groups = 1 + bits - smallestBlock.trailingZeroBitCount
  }

  /// Data blocks of a group, and elements of each. Both fit: they are at most 2^62 together.
  private func blocks(ofGroup group: Int) -> (count: Int, elements: Int) {
    (1 << (group / 2), smallestBlock << ((group + 1) / 2))
  }

  private func visit(
    _ body: (_ number: Int, _ element: HDF5ArrayElement) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    guard let indexBlock else { return }
    let directGroups = 2 * smallestPointers.trailingZeroBitCount
    let directBlocks = 2 * (smallestPointers - 1)
    let addresses = directBlocks + groups - directGroups
    let size = 6 + input.sizes.offset + indexElements * pages.elementSize + addresses * input.sizes.offset + 4
    var cursor = try input.checkedStructure(at: indexBlock, count: size)
    try cursor.expect(signature: "EAIB")
    try cursor.expect("extensible array version", in: 0...0)
    try cursor.skip(1 + input.sizes.offset)
    var number = 0
    for _ in 0..<indexElements {
      try body(number, try pages.next(&cursor))
      number += 1
    }
    for group in 0..<directGroups {
      let (count, elements) = blocks(ofGroup: group)
      for _ in 0..<count {
        if let block = try cursor.optionalAddress() {
          try readDataBlock(at: block, elements: elements, from: number, initialised: nil, body)
        }
        number = try CheckedMath.add(number, elements)
      }
    }
    for group in directGroups..<groups {
      let (count, elements) = blocks(ofGroup: group)
      if let block = try cursor.optionalAddress() { try readSuperBlock(at: block, group, from: number, body) }
      number = try CheckedMath.add(number, try CheckedMath.multiply(count, elements))
    }
  }

  private func readSuperBlock(
    at address: Int, _ group: Int, from start: Int,
    _ body: (_ number: Int, _ element: HDF5ArrayElement) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let (count, elements) = blocks(ofGroup: group)
    let pageCount = elements > pages.pageSize ? elements / pages.pageSize : 0
    let bitmap = (pageCount + 7) / 8
    let entries = try CheckedMath.multiply(count, bitmap + input.sizes.offset)
    let prefix = 6 + input.sizes.offset + offsetBytes
    var cursor = try input.checkedStructure(at: address, count: try CheckedMath.add(entries, prefix + 4))
    try cursor.expect(signature: "EASB")
    try cursor.expect("extensible array version", in: 0...0)
    try cursor.skip(1 + input.sizes.offset + offsetBytes)
    let initialised = try cursor.take(count * bitmap)
    var number = start
    for block in 0..<count {
      if let address = try cursor.optionalAddress() {
        let bits = bitmap > 0 ? initialised[block * bitmap..<(block + 1) * bitmap] : nil
        try readDataBlock(at: address, elements: elements, from: number, initialised: bits, body)
      }
      number = try CheckedMath.add(number, elements)
    }
  }

  private func readDataBlock(
    at address: Int, elements: Int, from start: Int, initialised: ArraySlice<UInt8>?,
    _ body: (_ number: Int, _ element: HDF5ArrayElement) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let prefix = 6 + input.sizes.offset + offsetBytes
    let bytes = initialised == nil ? try CheckedMath.multiply(elements, pages.elementSize) : 0
    var cursor = try input.checkedStructure(at: address, count: try CheckedMath.add(bytes, prefix + 4))
    try cursor.expect(signature: "EADB")
    try cursor.expect("extensible array version", in: 0...0)
    try cursor.skip(1 + input.sizes.offset + offsetBytes)
    guard let initialised else {
      for number in 0..<elements { try body(try CheckedMath.add(start, number), try pages.next(&cursor)) }
      return
    }
    try pages.visitPages(
      input, at: try CheckedMath.add(address, prefix + 4), initialised: initialised, count: elements, from: start, body)
  }
}
