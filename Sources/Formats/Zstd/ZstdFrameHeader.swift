import HybridizeCore

/// The beginning of a frame in a zstd file (RFC 8878, section 3.1).
enum ZstdFrameHeader {
  /// Any bytes at all, which decompress to nothing; `byteCount` is the frame's with its own eight.
  case skippable(byteCount: Int)
  case data(ZstdDataHeader)

  static let maximumSize = 18
  /// The magic number of a data frame, and the first of the sixteen of skippable ones.
  static let dataMagic: UInt32 = 0xFD2F_B528
  static let skippableMagic: UInt32 = 0x184D_2A50

  /// - Parameters:
  ///   - bytes: the first of the frame, `maximumSize` of them unless the file ends before.
  ///   - offset: their place in the file, for errors.
  ///   - fileSize: bytes of the file, which bound the memory that it may ask for.
  init(_ bytes: ArraySlice<UInt8>, at offset: Int, fileSize: Int) throws(HybridizeError) {
    guard bytes.count >= 4 else {
      throw HybridizeError(.zstdForeignBytes, offset: offset, expected: "a zstd frame", found: "\(bytes.count) bytes")
    }
    let magic = UInt32(truncatingIfNeeded: bytes.prefix(4).littleEndianValue)
    if magic & 0xFFFF_FFF0 == Self.skippableMagic {
      guard bytes.count >= 8 else { throw Self.truncated(offset) }
      self = .skippable(byteCount: 8 + Int(bytes.dropFirst(4).prefix(4).littleEndianValue))
    } else if magic == Self.dataMagic {
      self = .data(try ZstdDataHeader(bytes, at: offset, windowLimit: Self.windowLimit(fileSize)))
    } else {
      let found = bytes.prefix(4).map(hexadecimal).joined(separator: " ")
      throw HybridizeError(.zstdForeignBytes, offset: offset, expected: "a zstd frame", found: "bytes \(found)")
    }
  }

  /// Decompression holds the last bytes of a large frame, as many as its window has. 2^27 is what `zstd` itself grants
  /// unasked; a small file is granted less.
  private static func windowLimit(_ fileSize: Int) -> Int {
    min(ZstdDataHeader.maximumWindow, 32 << 20 + 2 * min(fileSize, ZstdDataHeader.maximumWindow))
  }

  static func truncated(_ offset: Int) -> HybridizeError {
    HybridizeError(
      .truncatedData, offset: offset, expected: "a whole zstd frame", found: "the end of the file",
      remedy: "the file is incomplete: fetch it again")
  }

  /// True of bytes with which a zstd file can start.
  static func begins(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 4 else { return false }
    let magic = UInt32(truncatingIfNeeded: bytes[..<4].littleEndianValue)
    return magic == dataMagic || magic & 0xFFFF_FFF0 == skippableMagic
  }
}

/// The header of a frame with compressed data.
struct ZstdDataHeader {
  /// A frame that needs a larger window is refused.
  static let maximumWindow = 1 << 27

  /// Bytes of the header.
  let byteCount: Int
  /// Bytes after decompression, if the frame says it.
  let contentSize: Int?
  /// Bytes that a block may decompress to.
  let maximumBlock: Int
  let hasChecksum: Bool

  fileprivate init(_ bytes: ArraySlice<UInt8>, at offset: Int, windowLimit: Int) throws(HybridizeError) {
    var rest = bytes.dropFirst(4)
    func take(_ count: Int) throws(HybridizeError) -> UInt64 {
      guard rest.count >= count else { throw ZstdFrameHeader.truncated(offset) }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).littleEndianValue
    }
    let descriptor = try take(1)
    guard descriptor & 0b1000 == 0 else {
      throw HybridizeError(.zstdFrameInvalid, offset: offset, found: "a reserved bit that is set")
    }
    let isSingleSegment = descriptor & 0b10_0000 != 0
    var window: UInt64 = 0
    if !isSingleSegment {
      let code = try take(1)
      let base: UInt64 = 1 << (10 + code >> 3)
      window = base + base / 8 * (code & 7)
    }
    let dictionary = try take([0, 1, 2, 4][Int(descriptor & 3)])
    guard dictionary == 0 else {
      throw HybridizeError(.zstdNeedsDictionary, offset: offset, found: "dictionary \(dictionary)")
    }
    let sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    // Two bytes count from 256 on, where one byte ends.
    let claimed = try take(sizeBytes) + (sizeBytes == 2 ? 256 : 0)
    if isSingleSegment { window = claimed }
    guard let size = Int(exactly: claimed) else {
      throw HybridizeError(.zstdSizeClaim, offset: offset, found: "\(claimed) bytes")
    }
    guard window <= windowLimit else {
      throw HybridizeError(
        .zstdWindowTooLarge, offset: offset, expected: "a window of at most \(windowLimit) bytes",
        found: "\(window) bytes", remedy: "compress the file anew without --long or with a smaller value")
    }
    byteCount = bytes.count - rest.count
    contentSize = sizeBytes == 0 ? nil : size
    maximumBlock = min(Int(window), 128 << 10)
    hasChecksum = descriptor & 0b100 != 0
  }
}

extension Collection<UInt8> {
  /// The number that at most eight bytes stand for, the lowest first.
  package var littleEndianValue: UInt64 { reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
}

extension FixedWidthInteger {
  /// Its bytes, the lowest first.
  package var littleEndianBytes: [UInt8] { Swift.withUnsafeBytes(of: littleEndian) { Array($0) } }
}
