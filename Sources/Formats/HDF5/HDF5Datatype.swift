import HybridizeCore

/// What an element of a dataset or an attribute is.
struct HDF5Datatype {
  enum Kind {
    /// Numbers, with the type of tensors that they are.
    case number(ElementType)
    /// Bytes without a meaning; which one they have is said elsewhere.
    case opaque
    /// Text of a fixed number of bytes, ended by a zero or padded with zeros or spaces.
    case fixedString(padding: Int)
    /// Text of any length, kept in the global heap.
    case variableString
    /// Anything else, in words.
    case other(String)
  }

  let kind: Kind
  /// Bytes of an element.
  let size: Int
  let isBigEndian: Bool

  /// - Throws: `.hdf5Truncated`, `.hdf5Unsupported`. A type that no tensor has is no error: it is `.other`.
  init(_ message: HDF5Cursor) throws(HybridizeError) {
    var cursor = message
    try self.init(&cursor, depth: 0)
  }

  private init(_ cursor: inout HDF5Cursor, depth: Int) throws(HybridizeError) {
    let start = cursor.offset
    let classAndVersion = try cursor.byte()
    guard (1...5).contains(classAndVersion >> 4) else {
      throw HybridizeError(
        .hdf5Unsupported, offset: start, expected: "datatype version 1 to 5", found: "\(classAndVersion >> 4)")
    }
    let bits = try cursor.integer(3)
    size = try cursor.integer(4)
    guard size > 0 else { throw cursor.corrupt("a datatype of at least a byte", "0 bytes") }
    switch classAndVersion & 0xF {
    case 0:
      kind = try Self.fixedPoint(&cursor, size: size, isSigned: bits & 8 != 0)
      isBigEndian = bits & 1 != 0
    case 1:
      kind = try Self.floatingPoint(&cursor, size: size, bits: bits)
      isBigEndian = bits & 1 != 0
    case 3:
      kind = .fixedString(padding: bits & 0xF)
      isBigEndian = false
    case 5:
      kind = .opaque
      isBigEndian = false
    case 8 where depth == 0:
      kind = try Self.enumeration(
        &cursor, size: size, count: bits & 0xFFFF, version: classAndVersion >> 4, depth: depth)
      isBigEndian = false
    case 9:
      kind = bits & 0xF == 1 ? .variableString : .other("variable-length sequences")
      isBigEndian = false
    default:
      kind = .other(Self.className(classAndVersion & 0xF))
      isBigEndian = false
    }
  }

  private static func className(_ number: Int) -> String {
    let names = [
      2: "times", 4: "bit fields", 6: "compounds", 7: "references", 8: "enumerations", 10: "arrays",
      11: "complex numbers",
    ]
    return names[number] ?? "elements of class \(number)"
  }

  private static func fixedPoint(
    _ cursor: inout HDF5Cursor, size: Int, isSigned: Bool
  ) throws(HybridizeError) -> Kind {
    let bitOffset = try cursor.integer(2)
    let precision = try cursor.integer(2)
    guard bitOffset == 0, precision == 8 * size else { return .other("integers of \(precision) bits in \(size) bytes") }
    switch (size, isSigned) {
    case (1, true): return .number(.int8)
    case (1, false): return .number(.uint8)
    case (2, true): return .number(.int16)
    case (2, false): return .number(.uint16)
    case (4, true): return .number(.int32)
    case (4, false): return .number(.uint32)
    case (8, true): return .number(.int64)
    case (8, false): return .number(.uint64)
    default: return .other("integers of \(size) bytes")
    }
  }

  private static func floatingPoint(
    _ cursor: inout HDF5Cursor, size: Int, bits: Int
  ) throws(HybridizeError) -> Kind {
    guard bits & 0x40 == 0 else { return .other("floats in VAX order") }
    let sign = bits >> 8 & 0xFF
    var fields = [try cursor.integer(2), try cursor.integer(2)]
    for _ in 0..<4 { fields.append(try cursor.byte()) }
    fields.append(try cursor.integer(4))
    // Offset and precision of the bits, place and size of exponent and mantissa, bias.
    switch (size, sign, fields) {
    case (2, 15, [0, 16, 10, 5, 0, 10, 15]): return .number(.float16)
    case (2, 15, [0, 16, 7, 8, 0, 7, 127]): return .number(.bfloat16)
    case (4, 31, [0, 32, 23, 8, 0, 23, 127]): return .number(.float32)
    case (8, 63, [0, 64, 52, 11, 0, 52, 1023]): return .number(.float64)
    default: return .other("floats of \(size) bytes with exponent \(fields[3]) and mantissa \(fields[5]) bits")
    }
  }

  /// A boolean is, as h5py writes it, an enumeration of FALSE and TRUE over bytes.
  private static func enumeration(
    _ cursor: inout HDF5Cursor, size: Int, count: Int, version: Int, depth: Int
  ) throws(HybridizeError) -> Kind {
    let base = try HDF5Datatype(&cursor, depth: depth + 1)
    guard case .number(let type) = base.kind, type == .int8 || type == .uint8, size == 1, count == 2 else {
      return .other("enumerations")
    }
    // Up to version 2 names are padded to 8 bytes.
    var names: [[UInt8]] = []
    for _ in 0..<2 {
      let before = cursor.rest
      names.append(try cursor.terminated())
      if version < 3 { try cursor.skip((8 - (before - cursor.rest) % 8) % 8) }
    }
    let values = try cursor.take(2)
    let isBoolean = names[0].elementsEqual("FALSE".utf8) && names[1].elementsEqual("TRUE".utf8) && values == [0, 1]
    return isBoolean ? .number(.bool) : .other("enumerations")
  }
}
