import HybridizeCore

/// What an attribute holds.
package enum HDF5AttributeValue: Sendable, Equatable {
  case strings([String])
  case integers([Int])
  /// No element at all, of whatever type: how Keras writes an empty list of names.
  case empty
  /// Something that checkpoints do not need, in words.
  case unsupported(String)
}

/// Attributes of one object.
package struct HDF5Attributes: Sendable {
  private var values: [UTF8Key: HDF5AttributeValue] = [:]

  init() {}

  package var names: [String] { values.keys.map(\.string).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

  package subscript(name: String) -> HDF5AttributeValue? { values[UTF8Key(name)] }

  /// The text of an attribute that holds one.
  package func string(_ name: String) -> String? {
    if case .strings(let strings) = self[name], strings.count == 1 { strings[0] } else { nil }
  }

  /// The integer of an attribute that holds one.
  package func integer(_ name: String) -> Int? {
    if case .integers(let integers) = self[name], integers.count == 1 { integers[0] } else { nil }
  }

  /// A list of texts: the attribute itself or, where Keras had to split it, its pieces `name0`, `name1`, ... joined.
  /// `nil` if there is none of them.
  package func strings(_ name: String) -> [String]? {
    if let whole = Self.list(self[name]) { return whole }
    var joined: [String]?
    var number = 0
    while let piece = Self.list(self["\(name)\(number)"]) {
      joined = (joined ?? []) + piece
      number += 1
    }
    return joined
  }

  private static func list(_ value: HDF5AttributeValue?) -> [String]? {
    switch value {
    case .strings(let strings): strings
    case .empty: []
    default: nil
    }
  }

  mutating func insert(_ name: String, _ value: HDF5AttributeValue) -> Bool {
    values.updateValue(value, forKey: UTF8Key(name)) == nil
  }
}

/// Reads the attributes of objects while a file is opened.
struct HDF5AttributeReader {
  private var heap = HDF5GlobalHeap()

  mutating func attributes(_ input: HDF5Input, _ header: HDF5ObjectHeader) throws(HybridizeError) -> HDF5Attributes {
    var found = HDF5Attributes()
    for message in header.messages where message.kind == .attribute {
      guard !message.isShared else {
        throw HybridizeError(
          .hdf5Unsupported, offset: message.body.offset, expected: "the attribute itself",
          found: "a reference to a shared one")
      }
      try read(input, message.body, into: &found)
    }
    if let info = try header.first(.attributeInfo) {
      for body in try Self.dense(input, info) { try read(input, body, into: &found) }
    }
    return found
  }

  private static func dense(_ input: HDF5Input, _ info: HDF5Cursor) throws(HybridizeError) -> [HDF5Cursor] {
    var cursor = info
    try cursor.expect("attribute info version", in: 0...0)
    let flags = try cursor.byte()
    if flags & 1 != 0 { try cursor.skip(2) }
    guard let heapAddress = try cursor.optionalAddress(), let tree = try cursor.optionalAddress() else { return [] }
    let heap = try HDF5FractalHeap(input, at: heapAddress)
    var bodies: [HDF5Cursor] = []
    try HDF5Tree2.visitRecords(input, at: tree, types: 8...8) { (record, _) throws(HybridizeError) in
      var identifier = record
      bodies.append(try heap.object(try identifier.part(8), input))
    }
    return bodies
  }

  private mutating func read(
    _ input: HDF5Input, _ body: HDF5Cursor, into found: inout HDF5Attributes
  ) throws(HybridizeError) {
    var cursor = body
    let version = try cursor.expect("attribute version", in: 1...3)
    let flags = try cursor.byte()
    let nameSize = try cursor.integer(2)
    let typeSize = try cursor.integer(2)
    let spaceSize = try cursor.integer(2)
    if version == 3 { try cursor.skip(1) }
    func padded(_ size: Int) -> Int { version == 1 ? (size + 7) / 8 * 8 : size }
    var nameField = try cursor.part(padded(nameSize))
    let name = try HDF5Text.string(try nameField.terminated(), at: body.offset)
    let type = try cursor.part(padded(typeSize))
    let space = try cursor.part(padded(spaceSize))
    let value: HDF5AttributeValue
    if version > 1, flags & 3 != 0 {
      value = .unsupported("a shared datatype or dataspace")
    } else {
      value = try self.value(input, try HDF5Datatype(type), try HDF5Dataspace(space), &cursor, name)
    }
    guard found.insert(name, value) else {
      throw HybridizeError(.hdf5Corrupt, offset: body.offset, expected: "each attribute once", found: name)
    }
  }

  private mutating func value(
    _ input: HDF5Input, _ type: HDF5Datatype, _ space: HDF5Dataspace, _ data: inout HDF5Cursor, _ name: String
  ) throws(HybridizeError) -> HDF5AttributeValue {
    let count = try space.elementCount()
    guard count > 0 else { return .empty }
    let size = try CheckedMath.multiply(count, type.size)
    guard size <= HDF5Limits.attributeBytes else {
      throw HybridizeError(
        .hdf5AttributeTooLarge, offset: data.offset, expected: "at most \(HDF5Limits.attributeBytes) bytes",
        found: "\(size) bytes of \"\(name)\"")
    }
    guard size <= data.rest else {
      throw HybridizeError(
        .hdf5Truncated, offset: data.offset, expected: "\(size) bytes of \"\(name)\"", found: "\(data.rest) bytes")
    }
    try input.charge(count * MemoryLayout<String>.stride)
    switch type.kind {
    case .fixedString(let padding):
      var strings: [String] = []
      for _ in 0..<count { strings.append(try Self.fixedString(try data.take(type.size), padding, at: data.offset)) }
      return .strings(strings)
    case .variableString:
      guard type.size == 8 + input.sizes.offset else {
        throw data.corrupt("references to text", "\(type.size) bytes each")
      }
      var strings: [String] = []
      for _ in 0..<count { strings.append(try heap.string(try data.part(type.size), input)) }
      return .strings(strings)
    case .number(let element):
      guard let integers = try Self.integers(&data, element, count, isBigEndian: type.isBigEndian) else {
        return .unsupported("numbers of type \(element.rawValue)")
      }
      return .integers(integers)
    case .opaque: return .unsupported("opaque bytes")
    case .other(let what): return .unsupported(what)
    }
  }

  /// Ended by a zero (0), or padded with zeros (1) or spaces (2).
  private static func fixedString(_ bytes: [UInt8], _ padding: Int, at offset: Int) throws(HybridizeError) -> String {
    var text = bytes.prefix { $0 != 0 }
    if padding == 2 { while text.last == UInt8(ascii: " ") { text.removeLast() } }
    return try HDF5Text.string(Array(text), at: offset)
  }

  /// `nil` for floats and for values that do not fit.
  private static func integers(
    _ data: inout HDF5Cursor, _ type: ElementType, _ count: Int, isBigEndian: Bool
  ) throws(HybridizeError) -> [Int]? {
    let isSigned: Bool
    switch type {
    case .int8, .int16, .int32, .int64: isSigned = true
    case .uint8, .uint16, .uint32, .uint64, .bool: isSigned = false
    default: return nil
    }
    let size = type.bitsPerElement / 8
    var integers: [Int] = []
    for _ in 0..<count {
      var raw = try data.unsigned(size)
      let unused = UInt64(64 - 8 * size)
      if isBigEndian { raw = raw.byteSwapped >> unused }
      if isSigned {
        integers.append(Int(Int64(bitPattern: raw << unused) >> Int64(unused)))
      } else if let integer = Int(exactly: raw) {
        integers.append(integer)
      } else {
        return nil
      }
    }
    return integers
  }
}
