import CZlib
import HybridizeCore

/// A zip archive: its list of members, and members as sources of bytes. Only what a `.keras` file needs: members that
/// are stored or deflated, in archives of any size, without encryption.
struct ZipArchive {
  private struct Member {
    let isDeflated: Bool
    let compressed: Int
    let size: Int
    let checksum: UInt32
    /// Offset of its own header.
    let header: Int
  }

  private static let maximumListBytes = 16 << 20

  private let source: ByteSource
  private var members: [UTF8Key: Member] = [:]

  /// Reads the list at the end.
  ///
  /// - Throws: `.zipDamaged`, `.zipUnsupported`.
  init(_ source: ByteSource) throws(HybridizeError) {
    self.source = source
    do throws(HybridizeError) {
      let list = try Self.findList(source)
      var cursor = HDF5Cursor(
        try source.read(at: list.lowerBound, count: list.count), origin: list.lowerBound, sizes: Self.sizes)
      while cursor.rest > 0 {
        let (name, member) = try Self.readEntry(&cursor)
        guard members.updateValue(member, forKey: UTF8Key(name)) == nil else {
          throw HybridizeError(.zipDamaged, expected: "each member once", found: name)
        }
      }
    } catch {
      throw Self.rephrased(error).inFile(source.path)
    }
  }

  /// A member's bytes: in place if they are stored, in memory if they had to be inflated.
  ///
  /// - Parameter limit: bytes that an inflated member may have.
  /// - Throws: `.zipMissingMember`, `.zipBomb`, `.zipDamaged`.
  func open(_ name: String, limit: Int) throws(HybridizeError) -> ByteSource {
    guard let member = members[UTF8Key(name)] else {
      throw HybridizeError(
        .zipMissingMember, file: source.path, expected: name,
        found: members.keys.map(\.string).sorted().prefix(8).joined(separator: ", "))
    }
    do throws(HybridizeError) {
      var header = HDF5Cursor(
        try source.read(at: member.header, count: 30), origin: member.header, sizes: Self.sizes)
      try header.expect(signature: "PK\u{3}\u{4}")
      try header.skip(22)
      let start = try CheckedMath.add(member.header, 30 + (try header.integer(2)) + (try header.integer(2)))
      let range = start..<(try CheckedMath.add(start, member.compressed))
      guard member.isDeflated else {
        guard member.size == member.compressed else {
          throw HybridizeError(.zipDamaged, expected: "\(member.compressed) bytes", found: "\(member.size) bytes")
        }
        return try source.part(range)
      }
      guard member.size <= limit else {
        throw HybridizeError(
          .zipBomb, expected: "at most \(NumberText.grouped(limit)) bytes",
          found: "\(NumberText.grouped(member.size)) bytes", remedy: "unpack \(name) and give that")
      }
      return try inflate(range, member)
    } catch {
      throw Self.rephrased(error).inFile(source.path)
    }
  }

  // MARK: The list

  private static let sizes = HDF5FieldSizes(offset: 8, length: 8)

  /// Where the list is: the record at the end says it, or the one of 64 bits that stands before.
  private static func findList(_ source: ByteSource) throws(HybridizeError) -> Range<Int> {
    // The record has 22 bytes and a comment of at most 65,535.
    let count = min(source.count, 22 + 65_535)
    let tail = try source.read(at: source.count - count, count: count)
    guard count >= 22,
      let place = (0...count - 22).last(where: { tail[$0...].starts(with: [0x50, 0x4B, 5, 6]) })
    else { throw HybridizeError(.zipDamaged, expected: "a list of members at the end", found: "none") }
    var record = HDF5Cursor(tail, origin: source.count - count, sizes: sizes)
    try record.skip(place + 12)
    var size = try record.integer(4)
    var start = try record.integer(4)
    if size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
      let locator = source.count - count + place - 20
      guard locator >= 0 else { throw HybridizeError(.zipDamaged, expected: "a locator of 64 bits", found: "none") }
      var pointer = HDF5Cursor(try source.read(at: locator, count: 20), origin: locator, sizes: sizes)
      try pointer.expect(signature: "PK\u{6}\u{7}")
      try pointer.skip(4)
      let place = try pointer.length()
      var long = HDF5Cursor(try source.read(at: place, count: 56), origin: place, sizes: sizes)
      try long.expect(signature: "PK\u{6}\u{6}")
      try long.skip(36)
      size = try long.length()
      start = try long.length()
    }
    guard size <= maximumListBytes, start <= source.count, size <= source.count - start else {
      throw HybridizeError(
        .zipDamaged, expected: "a list within the file, of at most \(maximumListBytes) bytes", found: "\(size) bytes")
    }
    return start..<start + size
  }

  private static func readEntry(_ cursor: inout HDF5Cursor) throws(HybridizeError) -> (String, Member) {
    let offset = cursor.offset
    try cursor.expect(signature: "PK\u{1}\u{2}")
    try cursor.skip(4)
    let flags = try cursor.integer(2)
    let method = try cursor.integer(2)
    try cursor.skip(4)
    let checksum = UInt32(truncatingIfNeeded: try cursor.integer(4))
    var compressed = try cursor.integer(4)
    var size = try cursor.integer(4)
    let nameLength = try cursor.integer(2)
    let extraLength = try cursor.integer(2)
    let commentLength = try cursor.integer(2)
    try cursor.skip(8)
    var header = try cursor.integer(4)
    let name = try HDF5Text.string(try cursor.take(nameLength), at: offset)
    var extra = try cursor.part(extraLength)
    try cursor.skip(commentLength)
    while extra.rest >= 4 {
      let kind = try extra.integer(2)
      var field = try extra.part(try extra.integer(2))
      guard kind == 1 else { continue }
      // Only the fields that did not fit are there, in this order.
      if size == 0xFFFF_FFFF { size = try field.length() }
      if compressed == 0xFFFF_FFFF { compressed = try field.length() }
      if header == 0xFFFF_FFFF { header = try field.length() }
    }
    guard flags & 1 == 0, method == 0 || method == 8 else {
      throw HybridizeError(
        .zipUnsupported, offset: offset, expected: "\(name) stored or deflated",
        found: flags & 1 == 0 ? "compression method \(method)" : "encrypted")
    }
    return (
      name,
      Member(isDeflated: method == 8, compressed: compressed, size: size, checksum: checksum, header: header)
    )
  }

  // MARK: Data

  /// Inflates in pieces of the input; the output has exactly the size that the list gives.
  private func inflate(_ range: Range<Int>, _ member: Member) throws(HybridizeError) -> ByteSource {
    let output = OwnedBytes(count: member.size)
    let piece = OwnedBytes(count: max(1, min(range.count, 1 << 20)))
    defer { withExtendedLifetime((output, piece)) {} }
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw HybridizeError(.zipDamaged, expected: "zlib \(ZLIB_VERSION)", found: "another version")
    }
    defer { inflateEnd(&stream) }
    var status = Z_OK
    var read = 0
    var written = 0
    while status == Z_OK {
      if stream.avail_in == 0 {
        let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(range.count - read))
        guard !part.isEmpty else { break }
        try source.read(at: range.lowerBound + read, into: part)
        read += part.count
        stream.next_in = part.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = uInt(part.count)
      }
      let room = min(member.size - written, 1 << 30)
      stream.next_out = output.bytes.baseAddress?.advanced(by: written).assumingMemoryBound(to: UInt8.self)
      stream.avail_out = uInt(room)
      status = CZlib.inflate(&stream, Z_NO_FLUSH)
      written += room - Int(stream.avail_out)
    }
    guard status == Z_STREAM_END, written == member.size else {
      throw HybridizeError(
        .zipDamaged, offset: range.lowerBound, expected: "\(member.size) bytes",
        found: "\(written) bytes and " + (status == Z_BUF_ERROR || status == Z_OK ? "no end" : "zlib error \(status)"))
    }
    guard checksum(output) == member.checksum else {
      throw HybridizeError(
        .zipDamaged, offset: range.lowerBound, expected: "checksum \(String(member.checksum, radix: 16))",
        found: "another")
    }
    return ByteSource(output, path: source.path)
  }

  private func checksum(_ memory: OwnedBytes) -> UInt32 {
    UInt32(
      truncatingIfNeeded: crc32_z(0, memory.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), memory.bytes.count))
  }

  /// A field that is not there or is not what it should be means damage here.
  private static func rephrased(_ error: HybridizeError) -> HybridizeError {
    guard [.hdf5Truncated, .hdf5Corrupt, .truncatedData, .sizeOverflow].contains(error.problem) else { return error }
    var copy = error
    copy.problem = .zipDamaged
    return copy
  }
}

extension Problem {
  public static let zipDamaged = Problem("zipDamaged", .inputFile, "the zip archive is damaged")
  public static let zipUnsupported = Problem("zipUnsupported", .inputFile, "the zip archive uses what is not read here")
  public static let zipMissingMember = Problem("zipMissingMember", .inputFile, "the zip archive lacks a member")
  public static let zipBomb = Problem(
    "zipBomb", .inputFile, "a member of the zip archive unfolds to more than is inflated here")
}
