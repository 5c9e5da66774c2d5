import HybridizeCore

/// Reads the fields of one structure of the file, one after the other. Little-endian throughout.
struct HDF5Cursor {
  private let bytes: [UInt8]
  /// Index in `bytes` of the next one.
  private(set) var position: Int
  private let end: Int
  /// Offset in the file of the first of `bytes`.
  private let origin: Int
  /// Bytes of an address and of a length, as the superblock says.
  private let sizes: HDF5FieldSizes

  init(_ bytes: [UInt8], origin: Int, sizes: HDF5FieldSizes) {
    self.bytes = bytes
    self.origin = origin
    self.sizes = sizes
    position = 0
    end = bytes.count
  }

  private init(part: Range<Int>, of other: HDF5Cursor) {
    bytes = other.bytes
    origin = other.origin
    sizes = other.sizes
    position = part.lowerBound
    end = part.upperBound
  }

  /// Bytes that are left.
  var rest: Int { end - position }
  /// Offset in the file of the next byte.
  var offset: Int { origin + position }

  // MARK: Fields

  mutating func byte() throws(HybridizeError) -> Int {
    try need(1)
    position += 1
    return Int(bytes[position - 1])
  }

  /// An unsigned integer of 1 to 8 bytes.
  mutating func unsigned(_ size: Int) throws(HybridizeError) -> UInt64 {
    guard (1...8).contains(size) else { throw corrupt("an integer of 1 to 8 bytes", "\(size) bytes") }
    try need(size)
    var value: UInt64 = 0
    for index in (position..<position + size).reversed() { value = value << 8 | UInt64(bytes[index]) }
    position += size
    return value
  }

  /// An unsigned integer that must fit `Int`.
  mutating func integer(_ size: Int) throws(HybridizeError) -> Int {
    let at = offset
    let value = try unsigned(size)
    guard let integer = Int(exactly: value) else {
      throw HybridizeError(.sizeOverflow, offset: at, found: "\(value)")
    }
    return integer
  }

  mutating func length() throws(HybridizeError) -> Int { try integer(sizes.length) }

  /// A length; `nil` for the one that stands for "without bound".
  mutating func optionalLength() throws(HybridizeError) -> Int? { try optional(sizes.length) }

  /// An address; `nil` for the undefined one.
  mutating func optionalAddress() throws(HybridizeError) -> Int? { try optional(sizes.offset) }

  /// `nil` if all bits are set.
  private mutating func optional(_ size: Int) throws(HybridizeError) -> Int? {
    let at = offset
    let value = try unsigned(size)
    if value == UInt64.max >> (64 - 8 * UInt64(size)) { return nil }
    guard let integer = Int(exactly: value) else { throw HybridizeError(.sizeOverflow, offset: at, found: "\(value)") }
    return integer
  }

  mutating func address() throws(HybridizeError) -> Int {
    let at = offset
    guard let address = try optionalAddress() else {
      throw HybridizeError(.hdf5Corrupt, offset: at, expected: "an address", found: "the undefined address")
    }
    return address
  }

  mutating func take(_ count: Int) throws(HybridizeError) -> [UInt8] {
    try need(count)
    position += count
    return Array(bytes[position - count..<position])
  }

  /// The next `count` bytes as a structure of their own; nothing is copied.
  mutating func part(_ count: Int) throws(HybridizeError) -> HDF5Cursor {
    try need(count)
    position += count
    return HDF5Cursor(part: position - count..<position, of: self)
  }

  mutating func skip(_ count: Int) throws(HybridizeError) {
    try need(count)
    position += count
  }

  /// The bytes up to a zero, which is consumed.
  mutating func terminated() throws(HybridizeError) -> [UInt8] {
    guard let zero = bytes[position..<end].firstIndex(of: 0) else {
      throw corrupt("a zero at the end of a name", "none")
    }
    defer { position = zero + 1 }
    return Array(bytes[position..<zero])
  }

  // MARK: Checks

  mutating func expect(signature: String) throws(HybridizeError) {
    let at = offset
    let found = try take(signature.utf8.count)
    guard found.elementsEqual(signature.utf8) else {
      throw HybridizeError(
        .hdf5Corrupt, offset: at, expected: "the signature \(signature)",
        found: found.map(hexadecimal).joined(separator: " "))
    }
  }

  /// A field that must have one of a few values.
  @discardableResult
  mutating func expect(_ what: String, in allowed: ClosedRange<Int>) throws(HybridizeError) -> Int {
    let at = offset
    let value = try byte()
    guard allowed.contains(value) else {
      let bounds = allowed.count == 1 ? "\(allowed.lowerBound)" : "\(allowed.lowerBound) to \(allowed.upperBound)"
      throw HybridizeError(.hdf5Unsupported, offset: at, expected: "\(what) \(bounds)", found: "\(what) \(value)")
    }
    return value
  }

  /// The checksum of all bytes from the start of the structure up to here, which comes next.
  mutating func expectChecksum() throws(HybridizeError) {
    let at = offset
    let computed = HDF5Checksum.lookup3(bytes[..<position])
    let stored = try unsigned(4)
    guard stored == UInt64(computed) else {
      throw HybridizeError(
        .hdf5Checksum, offset: at, expected: String(computed, radix: 16), found: String(stored, radix: 16))
    }
  }

  func corrupt(_ expected: String, _ found: String) -> HybridizeError {
    HybridizeError(.hdf5Corrupt, offset: offset, expected: expected, found: found)
  }

  private func need(_ count: Int) throws(HybridizeError) {
    guard count >= 0, count <= rest else {
      throw HybridizeError(.hdf5Truncated, offset: offset, expected: "\(count) bytes", found: "\(rest) bytes")
    }
  }
}

/// Bytes of an address and of a length.
struct HDF5FieldSizes: Sendable {
  var offset: Int
  var length: Int
}
