import HybridizeCore

/// The messages that describe one object: a group or a dataset.
struct HDF5ObjectHeader {
  /// The kinds of message that matter here, by their numbers.
  enum Kind: Int {
    case dataspace = 0x01
    case linkInfo = 0x02
    case datatype = 0x03
    case oldFillValue = 0x04
    case fillValue = 0x05
    case link = 0x06
    case externalFiles = 0x07
    case layout = 0x08
    case filters = 0x0B
    case attribute = 0x0C
    case symbolTable = 0x11
    case attributeInfo = 0x15
  }

  struct Message {
    let kind: Kind
    let isShared: Bool
    let body: HDF5Cursor
  }

  private(set) var messages: [Message] = []
  private var blocks: [(address: Int, count: Int)] = []
  private var seen = Set<Int>()

  /// - Throws: `.hdf5Corrupt`, `.hdf5Truncated`, `.hdf5Checksum`, `.hdf5Unsupported`.
  init(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    var start = try input.structure(at: address, count: min(16, max(0, input.source.count - input.base - address)))
    let isNew = (try? start.take(4)).map { $0.elementsEqual("OHDR".utf8) } ?? false
    if isNew { try readNew(input, at: address) } else { try readOld(input, at: address) }
  }

  /// All messages of a kind, in order.
  func all(_ kind: Kind) -> [HDF5Cursor] { messages.filter { $0.kind == kind }.map(\.body) }

  /// The message of a kind; `nil` if there is none.
  func first(_ kind: Kind) throws(HybridizeError) -> HDF5Cursor? {
    guard let message = messages.first(where: { $0.kind == kind }) else { return nil }
    if message.isShared {
      let problem: Problem = kind == .datatype ? .hdf5CommittedType : .hdf5Unsupported
      throw HybridizeError(
        problem, offset: message.body.offset, expected: "the message itself", found: "a reference to a shared one")
    }
    return message.body
  }

  // MARK: Version 1

  private mutating func readOld(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    var prefix = try input.structure(at: address, count: 16)
    try prefix.expect("object header version", in: 1...1)
    try prefix.skip(7)
    let size = try prefix.integer(4)
    try addBlock(try CheckedMath.add(address, 16), size)
    while let block = blocks.popLast() {
      var cursor = try input.structure(at: block.address, count: block.count)
      while cursor.rest >= 8 {
        let type = try cursor.integer(2)
        let size = try cursor.integer(2)
        let flags = try cursor.byte()
        try cursor.skip(3)
        try add(type, flags, try cursor.part(size), input)
      }
    }
  }

  // MARK: Version 2

  private mutating func readNew(_ input: HDF5Input, at address: Int) throws(HybridizeError) {
    var flags = try input.structure(at: try CheckedMath.add(address, 4), count: 2)
    try flags.expect("object header version", in: 2...2)
    let bits = try flags.byte()
    let sizeBytes = 1 << (bits & 3)
    let prefix = 6 + (bits & 0x20 != 0 ? 16 : 0) + (bits & 0x10 != 0 ? 4 : 0)
    var size = try input.structure(at: try CheckedMath.add(address, prefix), count: sizeBytes)
    let count = try CheckedMath.add(try size.integer(sizeBytes), prefix + sizeBytes + 4)
    let hasOrder = bits & 4 != 0
    seen.insert(address)
    try readNewBlock(
      try input.checkedStructure(at: address, count: count), skipping: prefix + sizeBytes, hasOrder, input)
    while let block = blocks.popLast() {
      var cursor = try input.checkedStructure(at: block.address, count: block.count)
      try cursor.expect(signature: "OCHK")
      try readNewBlock(cursor, skipping: 0, hasOrder, input)
    }
  }

  private mutating func readNewBlock(
    _ block: HDF5Cursor, skipping: Int, _ hasOrder: Bool, _ input: HDF5Input
  ) throws(HybridizeError) {
    var cursor = block
    try cursor.skip(skipping)
    let header = hasOrder ? 6 : 4
    while cursor.rest >= header {
      let type = try cursor.byte()
      let size = try cursor.integer(2)
      let flags = try cursor.byte()
      if hasOrder { try cursor.skip(2) }
      try add(type, flags, try cursor.part(size), input)
    }
  }

  // MARK: Both

  private mutating func add(
    _ type: Int, _ flags: Int, _ body: HDF5Cursor, _ input: HDF5Input
  ) throws(HybridizeError) {
    if type == 0x10 {
      var fields = body
      try addBlock(try fields.address(), try fields.length())
    } else if let kind = Kind(rawValue: type) {
      try input.charge(MemoryLayout<Message>.stride)
      messages.append(Message(kind: kind, isShared: flags & 2 != 0, body: body))
    } else if type > 0x18, flags & 0x80 != 0 {
      throw HybridizeError(
        .hdf5Unsupported, offset: body.offset, expected: "a known message", found: "one of type \(type)")
    }
  }

  private mutating func addBlock(_ address: Int, _ count: Int) throws(HybridizeError) {
    guard seen.insert(address).inserted else {
      throw HybridizeError(.hdf5Corrupt, expected: "a header that ends", found: "a continuation that was read before")
    }
    blocks.append((address, count))
  }
}
