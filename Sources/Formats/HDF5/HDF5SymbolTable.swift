import HybridizeCore

/// The links of a group in the old form: a tree of version 1 over nodes of symbols, with names in a local heap.
enum HDF5SymbolTable {
  /// - Parameter message: the symbol table message of the group.
  static func links(_ input: HDF5Input, _ message: HDF5Cursor) throws(HybridizeError) -> [HDF5Link] {
    var cursor = message
    let tree = try cursor.address()
    let heap = try HDF5LocalHeap(input, at: try cursor.address())
    var links: [HDF5Link] = []
    try HDF5Tree1.visitLeaves(input, at: tree, kind: .group) { (_, node) throws(HybridizeError) in
      try readNode(input, at: node, heap, into: &links)
    }
    return links
  }

  private static func readNode(
    _ input: HDF5Input, at address: Int, _ heap: HDF5LocalHeap, into links: inout [HDF5Link]
  ) throws(HybridizeError) {
    var header = try input.structure(at: address, count: 8)
    try header.expect(signature: "SNOD")
    try header.expect("symbol node version", in: 1...1)
    try header.skip(1)
    let count = try header.integer(2)
    let size = 2 * input.sizes.offset + 24
    var cursor = try input.structure(at: try CheckedMath.add(address, 8), count: count * size)
    for _ in 0..<count {
      let name = try heap.string(at: try cursor.integer(input.sizes.offset), input)
      let header = try cursor.optionalAddress()
      let cacheType = try cursor.integer(4)
      try cursor.skip(4)
      var scratch = try cursor.part(16)
      let target: HDF5Link.Target
      if cacheType == 2 {
        target = .soft(try heap.string(at: try scratch.integer(4), input))
      } else if let header {
        target = .object(header)
      } else {
        throw cursor.corrupt("the address of an object", "the undefined address")
      }
      links.append(HDF5Link(name: name, target: target))
    }
  }
}

/// Where the names of a symbol table are.
struct HDF5LocalHeap {
  private let data: HDF5Cursor

  init(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    var header = try input.structure(at: address, count: 8 + 2 * input.sizes.length + input.sizes.offset)
    try header.expect(signature: "HEAP")
    try header.expect("local heap version", in: 0...0)
    try header.skip(3)
    let size = try header.length()
    _ = try header.length()
    data = try input.structure(at: try header.address(), count: size)
  }

  func string(at offset: Int, _ input: HDF5Input) throws(HybridizeError) -> String {
    var cursor = data
    try cursor.skip(offset)
    let bytes = try cursor.terminated()
    // Many links may share one long name.
    try input.charge(bytes.count)
    return try HDF5Text.string(bytes, at: cursor.offset)
  }
}

/// Text of the file.
enum HDF5Text {
  /// - Throws: `.invalidUTF8`.
  static func string(_ bytes: [UInt8], at offset: Int) throws(HybridizeError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw HybridizeError(.invalidUTF8, offset: offset)
    }
    return text
  }
}
