import HybridizeCore

/// Where text of variable length is. Collections are read once and kept while the file is opened.
struct HDF5GlobalHeap {
  private var collections: [Int: [Int: HDF5Cursor]] = [:]

  /// The text that a reference of an element leads to.
  ///
  /// - Parameter reference: length, address of a collection and number in it.
  mutating func string(_ reference: HDF5Cursor, _ input: HDF5Input) throws(HybridizeError) -> String {
    var cursor = reference
    let count = try cursor.integer(4)
    let collection = try cursor.optionalAddress()
    let number = try cursor.integer(4)
    guard count > 0 else { return "" }
    guard let collection else { throw reference.corrupt("text in the global heap", "the undefined address") }
    let objects = try objects(at: collection, input)
    guard var object = objects[number] else {
      throw reference.corrupt("an object of the global heap", "number \(number), which is not there")
    }
    // Many elements may share one long text.
    try input.charge(count)
    let bytes = try object.take(count)
    return try HDF5Text.string(Array(bytes.prefix { $0 != 0 }), at: object.offset)
  }

  private mutating func objects(at address: Int, _ input: HDF5Input) throws(HybridizeError) -> [Int: HDF5Cursor] {
    if let known = collections[address] { return known }
    var header = try input.structure(at: address, count: 8 + input.sizes.length)
    try header.expect(signature: "GCOL")
    try header.expect("global heap version", in: 1...1)
    try header.skip(3)
    let size = try header.length()
    var cursor = try input.structure(at: address, count: size)
    try cursor.skip(8 + input.sizes.length)
    var objects: [Int: HDF5Cursor] = [:]
    while cursor.rest >= 8 + input.sizes.length {
      let number = try cursor.integer(2)
      try cursor.skip(6)
      let count = try cursor.length()
      // Number 0 is the free space, which is the rest.
      if number == 0 { break }
      try input.charge(MemoryLayout<HDF5Cursor>.stride)
      objects[number] = try cursor.part(count)
      try cursor.skip(min((8 - count % 8) % 8, cursor.rest))
    }
    collections[address] = objects
    return objects
  }
}
