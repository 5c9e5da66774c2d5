import CZlib
import HybridizeCore

/// Writes a `.keras` archive: the weights beside it first, as their checksum stands before them, then all as members
/// that are stored. For a moment the disk holds the weights twice.
final class KerasArchiveWriter: TensorWriter {
  private let path: String
  private let weights: HDF5Writer
  private let members: [(name: String, bytes: [UInt8])]
  private let replacing: Bool

  /// - Parameter members: small files that stand before the weights.
  init(_ path: String, weights: HDF5Writer, members: [(name: String, bytes: [UInt8])], replacing: Bool) {
    self.path = path
    self.weights = weights
    self.members = members
    self.replacing = replacing
  }

  var tensors: [TensorDescriptor] { weights.tensors }

  func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError) {
    try weights.append(bytes, to: name)
  }

  func finish() throws(HybridizeError) -> [WrittenFile] {
    try weights.complete()
    var archive = ZipWriter(try AtomicFile(path, replacing: replacing))
    for (name, bytes) in members { try archive.add(name, bytes) }
    try archive.add(HDF5Format.weights, file: weights.buildPath)
    return [try archive.finish()]
  }
}

/// Writes zip archives of stored members. All times are the first that the format knows.
struct ZipWriter {
  private let file: AtomicFile
  private var list: [UInt8] = []
  private var count = 0

  init(_ file: AtomicFile) { self.file = file }

  /// - Throws: `.cannotWrite`.
  mutating func add(_ name: String, _ bytes: [UInt8]) throws(HybridizeError) {
    let checksum = bytes.withUnsafeBytes { Self.checksum(0, $0) }
    try begin(name, size: bytes.count, checksum: checksum)
    try bytes.withBytes(file.write)
  }

  /// - Throws: `.cannotWrite`, `.unreadable`.
  mutating func add(_ name: String, file source: String) throws(HybridizeError) {
    let input = try HostFile(source)
    var checksum: UInt = 0
    try Self.read(input) { (piece) in checksum = Self.checksum(checksum, piece) }
    try begin(name, size: input.size, checksum: checksum)
    try Self.read(input) { (piece) throws(HybridizeError) in try file.write(piece) }
  }

  private static func read(
    _ input: HostFile, _ body: (UnsafeRawBufferPointer) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let piece = OwnedBytes(count: min(input.size, 4 << 20))
    defer { withExtendedLifetime(piece) {} }
    var offset = 0
    while offset < input.size {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(input.size - offset))
      try input.read(at: offset, into: part)
      try body(UnsafeRawBufferPointer(part))
      offset += part.count
    }
  }

  private static func checksum(_ before: UInt, _ bytes: UnsafeRawBufferPointer) -> UInt {
    UInt(crc32_z(uLong(before), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  /// The fields that a member's header and its line in the list have in common.
  private static func fields(isLong: Bool, checksum: UInt, size: Int, name: String, extra: Int) -> [UInt8] {
    var bytes = little(isLong ? 45 : 20, 2)
    bytes += little(0x800, 2)  // names are UTF-8
    bytes += little(0, 2) + little(0, 2) + little(0x21, 2)  // stored; midnight of 1 January 1980
    bytes += little(Int(checksum), 4)
    let short = isLong ? 0xFFFF_FFFF : size
    return bytes + little(short, 4) + little(short, 4) + little(name.utf8.count, 2) + little(extra, 2)
  }

  private mutating func begin(_ name: String, size: Int, checksum: UInt) throws(HybridizeError) {
    let place = file.byteCount
    let isLong = size >= 0xFFFF_FFFF || place >= 0xFFFF_FFFF
    let sizes = isLong ? Self.little(1, 2) + Self.little(16, 2) + Self.little(size, 8) + Self.little(size, 8) : []
    let header =
      Self.little(0x0403_4B50, 4)
      + Self.fields(isLong: isLong, checksum: checksum, size: size, name: name, extra: sizes.count)
      + Array(name.utf8) + sizes
    let line = isLong ? Self.little(1, 2) + Self.little(24, 2) + sizes[4...] + Self.little(place, 8) : []
    list += Self.little(0x0201_4B50, 4) + Self.little(isLong ? 45 : 20, 2)
    list += Self.fields(isLong: isLong, checksum: checksum, size: size, name: name, extra: line.count)
    // No comment, disk 0, no attributes.
    list += Self.little(0, 2) + Self.little(0, 2) + Self.little(0, 2) + Self.little(0, 4)
    list += Self.little(isLong ? 0xFFFF_FFFF : place, 4) + Array(name.utf8) + line
    count += 1
    try header.withBytes(file.write)
  }

  /// - Throws: `.cannotWrite`.
  mutating func finish() throws(HybridizeError) -> WrittenFile {
    let place = file.byteCount
    let isLong = place >= 0xFFFF_FFFF
    var end: [UInt8] = []
    if isLong {
      end += Self.little(0x0606_4B50, 4) + Self.little(44, 8) + Self.little(45, 2) + Self.little(45, 2)
      end += Self.little(0, 4) + Self.little(0, 4) + Self.little(count, 8) + Self.little(count, 8)
      end += Self.little(list.count, 8) + Self.little(place, 8)
      end += Self.little(0x0706_4B50, 4) + Self.little(0, 4) + Self.little(place + list.count, 8) + Self.little(1, 4)
    }
    end += Self.little(0x0605_4B50, 4) + Self.little(0, 4) + Self.little(count, 2) + Self.little(count, 2)
    end += Self.little(list.count, 4) + Self.little(isLong ? 0xFFFF_FFFF : place, 4) + Self.little(0, 2)
    try (list + end).withBytes(file.write)
    return try file.commit()
  }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
