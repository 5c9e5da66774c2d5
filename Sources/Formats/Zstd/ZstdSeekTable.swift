import HybridizeCore

/// The table of frames at the end of a seekable zstd file, as the format's authors define it in "Zstandard Seekable
/// Format", version 0.1.0: a skippable frame with an entry a frame and a footer of nine bytes.
struct ZstdSeekTable {
  private static let magic: UInt32 = 0x8F92_EAB1
  private static let frameMagic: UInt32 = ZstdFrameHeader.skippableMagic + 0xE
  private static let footerSize = 9
  private static let checksumFlag: UInt8 = 0x80
  private static let reservedBits: UInt8 = 0x7C

  private let file: HostFile
  private let count: Int
  private let hasChecksums: Bool
  /// Where the table's own frame begins and the other frames end.
  private let start: Int

  private var entrySize: Int { hasChecksums ? 12 : 8 }

  /// - Returns: `nil` if the file does not end with a table.
  /// - Throws: `.zstdSeekTable`, `.zstdTooManyFrames`, `.unreadable`.
  init?(_ file: HostFile) throws(HybridizeError) {
    guard file.size >= 8 + Self.footerSize else { return nil }
    let footer = try file.read(at: file.size - Self.footerSize, count: Self.footerSize)
    guard footer[5...].littleEndianValue == Self.magic else { return nil }
    self.file = file
    hasChecksums = footer[4] & Self.checksumFlag != 0
    count = Int(footer[..<4].littleEndianValue)
    guard footer[4] & Self.reservedBits == 0 else {
      throw HybridizeError(.zstdSeekTable, file: file.path, found: "reserved bits that are set")
    }
    let size = count * (hasChecksums ? 12 : 8) + Self.footerSize
    guard size + 8 <= file.size else {
      throw HybridizeError(
        .zstdSeekTable, file: file.path, expected: "a table that fits \(file.size) bytes", found: "\(count) frames")
    }
    start = file.size - size - 8
    guard try file.read(at: start, count: 8) == Self.frameMagic.littleEndianBytes + UInt32(size).littleEndianBytes
    else {
      throw HybridizeError(
        .zstdSeekTable, file: file.path, offset: start, expected: "a skippable frame with \(count) entries")
    }
    guard count <= ZstdFrames.maximumCount else { throw ZstdFrameWalk.tooMany(file) }
  }

  /// Adds all frames, each found to begin where the table says and to be able to hold what it says.
  ///
  /// - Throws: `.zstdSeekTable`, or what is wrong with a frame's header.
  func append(to frames: inout ZstdFrames) throws(HybridizeError) {
    var headers = FilePage(file)
    var entries = FilePage(file)
    var offset = 0
    for number in 0..<count {
      let entry = try entries.bytes(at: start + 8 + number * entrySize, count: entrySize)
      let compressedSize = Int(entry.prefix(4).littleEndianValue)
      let contentSize = Int(entry.dropFirst(4).prefix(4).littleEndianValue)
      guard compressedSize > 0, compressedSize <= start - offset else {
        throw contradiction(number, expected: "at most \(start - offset) bytes", found: "\(compressedSize) bytes")
      }
      let header = try headers.frameHeader(at: offset)
      try check(header, number, compressedSize: compressedSize, contentSize: contentSize)
      let checksum = hasChecksums ? UInt32(truncatingIfNeeded: entry.dropFirst(8).littleEndianValue) : nil
      try frames.append(offset..<offset + compressedSize, contentSize: contentSize, checksum: checksum)
      offset += compressedSize
    }
    guard offset == start else {
      throw HybridizeError(
        .zstdSeekTable, file: file.path, expected: "frames of \(start) bytes", found: "\(offset) bytes")
    }
  }

  private func check(
    _ header: ZstdFrameHeader, _ number: Int, compressedSize: Int, contentSize: Int
  ) throws(HybridizeError) {
    switch header {
    case .skippable(let byteCount):
      guard byteCount == compressedSize, contentSize == 0 else {
        throw contradiction(
          number, expected: "a skippable frame of \(byteCount) bytes",
          found: "\(compressedSize) bytes with \(contentSize) of content")
      }
    case .data(let data):
      // No block is shorter than 3 bytes, and none holds more than 128 KiB.
      let room = compressedSize / 3 * data.maximumBlock
      guard contentSize <= room else {
        throw HybridizeError(
          .zstdSizeClaim, file: file.path, expected: "at most \(room) bytes in frame \(number)",
          found: "\(contentSize) bytes")
      }
      // Without content nothing would ever look at the frame, so that it has to say itself that it is empty.
      guard data.contentSize == contentSize || data.contentSize == nil && contentSize > 0 else {
        throw contradiction(
          number, expected: data.contentSize.map { "content of \($0) bytes" } ?? "content",
          found: "content of \(contentSize) bytes")
      }
    }
  }

  private func contradiction(_ number: Int, expected: String, found: String) -> HybridizeError {
    HybridizeError(
      .zstdSeekTable, file: file.path, offset: start + 8 + number * entrySize,
      expected: "\(expected) in frame \(number)", found: found)
  }

  /// The bytes of a table, without checksums: the frames have their own.
  ///
  /// - Precondition: at most `ZstdFrames.maximumCount` entries.
  static func bytes(_ entries: [(compressedSize: UInt32, contentSize: UInt32)]) -> [UInt8] {
    var bytes = frameMagic.littleEndianBytes + UInt32(entries.count * 8 + footerSize).littleEndianBytes
    for entry in entries { bytes += entry.compressedSize.littleEndianBytes + entry.contentSize.littleEndianBytes }
    return bytes + UInt32(entries.count).littleEndianBytes + [0] + magic.littleEndianBytes
  }
}
