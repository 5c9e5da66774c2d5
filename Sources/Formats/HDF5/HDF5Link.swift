import HybridizeCore

/// A name in a group, and what it leads to.
struct HDF5Link {
  enum Target {
    /// The address of an object header.
    case object(Int)
    /// A path in the same file.
    case soft(String)
  }

  let name: String
  let target: Target

  init(name: String, target: Target) {
    self.name = name
    self.target = target
  }

  /// A link message.
  ///
  /// - Throws: `.hdf5ExternalLink` for every link that leads out of the file or that a program defined itself.
  init(_ message: HDF5Cursor) throws(HybridizeError) {
    var cursor = message
    try cursor.expect("link version", in: 1...1)
    let flags = try cursor.byte()
    let type = flags & 8 != 0 ? try cursor.byte() : 0
    if flags & 4 != 0 { try cursor.skip(8) }
    if flags & 0x10 != 0 { try cursor.skip(1) }
    let nameLength = try cursor.integer(1 << (flags & 3))
    name = try HDF5Text.string(try cursor.take(nameLength), at: cursor.offset)
    switch type {
    case 0: target = .object(try cursor.address())
    case 1:
      let length = try cursor.integer(2)
      target = .soft(try HDF5Text.string(try cursor.take(length), at: cursor.offset))
    default:
      throw HybridizeError(
        .hdf5ExternalLink, offset: message.offset, expected: "a hard or soft link",
        found: type == 64 ? "an external link named \"\(name)\"" : "a link of type \(type) named \"\(name)\"",
        remedy: "copy what it leads to into the file")
    }
  }

  /// All links of a group, whatever form they are kept in; in the order of their names' bytes.
  ///
  /// - Throws: also `.hdf5Corrupt` for a name that is empty, has a slash, or appears twice.
  static func all(_ input: HDF5Input, _ header: HDF5ObjectHeader) throws(HybridizeError) -> [HDF5Link] {
    var links: [HDF5Link] = []
    if let table = try header.first(.symbolTable) { links += try HDF5SymbolTable.links(input, table) }
    for message in header.all(.link) { links.append(try HDF5Link(message)) }
    if let info = try header.first(.linkInfo) { links += try dense(input, info) }
    links.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (index, link) in links.enumerated() {
      let isRepeated = index > 0 && UTF8Key(links[index - 1].name) == UTF8Key(link.name)
      guard !link.name.isEmpty, !link.name.utf8.contains(UInt8(ascii: "/")), link.name != ".", !isRepeated else {
        throw HybridizeError(
          .hdf5Corrupt, expected: "a name of its own for every link, without a slash",
          found: "\"\(link.name)\"" + (isRepeated ? " twice" : ""))
      }
    }
    return links
  }

  private static func dense(_ input: HDF5Input, _ info: HDF5Cursor) throws(HybridizeError) -> [HDF5Link] {
    var cursor = info
    try cursor.expect("link info version", in: 0...0)
    let flags = try cursor.byte()
    if flags & 1 != 0 { try cursor.skip(8) }
    guard let heapAddress = try cursor.optionalAddress(), let tree = try cursor.optionalAddress() else { return [] }
    let heap = try HDF5FractalHeap(input, at: heapAddress)
    var links: [HDF5Link] = []
    try HDF5Tree2.visitRecords(input, at: tree, types: 5...5) { (record, _) throws(HybridizeError) in
      var identifier = record
      try identifier.skip(4)
      links.append(try HDF5Link(try heap.object(identifier, input)))
    }
    return links
  }
}
