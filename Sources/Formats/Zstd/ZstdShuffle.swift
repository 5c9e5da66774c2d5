import HybridizeCore

/// How a file says that its tensors are shuffled (docs/formats.md has the layout).
///
/// It says so twice. A skippable frame in front tells readers that know it; `zstd -d` drops that frame, and what is
/// left begins with `mark` instead of the length of a header. As a length the mark is far above what any reader of
/// safetensors accepts, so that shuffled bytes are never taken for values.
enum ZstdShuffle {
  /// The first bytes of the decompressed file, before the header's length.
  static let mark = Array("HYBSHUF1".utf8)

  /// The frame in front: skippable frame number 0xA, `HYBRIDZE`, version 1, and the flags, of which the lowest
  /// stands for the shuffle.
  static let frame: [UInt8] =
    (ZstdFrameHeader.skippableMagic + 0xA).littleEndianBytes + UInt32(16).littleEndianBytes + name
    + UInt32(1).littleEndianBytes + UInt32(1).littleEndianBytes

  private static let name = Array("HYBRIDZE".utf8)

  /// True if the file has the frame in front.
  ///
  /// - Throws: `.zstdShuffleInvalid` for another version or other flags.
  static func isAnnounced(in file: HostFile) throws(HybridizeError) -> Bool {
    let start = try file.read(at: 0, count: min(frame.count, file.size))
    guard start.count >= 16, start[..<4] == frame[..<4], start[8..<16] == frame[8..<16] else { return false }
    guard start == frame else {
      throw HybridizeError(
        .zstdShuffleInvalid, file: file.path, expected: "version 1 with flags 1",
        found: start[16...].map(hexadecimal).joined(separator: " "), remedy: "use a newer version of hybridize")
    }
    return true
  }

  /// Bytes of an element of this type, as shuffled and unshuffled.
  static func width(of type: ElementType) -> Int { max(1, type.bitsPerElement / 8) }

  /// By which element size each frame is shuffled: that of the tensor in which it begins.
  ///
  /// - Parameter origin: where the safetensors file begins in the content.
  /// - Throws: `.zstdShuffleInvalid` for a frame that holds elements of two sizes, header and data, or more than a
  ///   frame that is decompressed whole.
  static func widths(
    of frames: [ZstdFrame], _ header: SafetensorsHeader, origin: Int
  ) throws(HybridizeError) -> [Int] {
    var widths: [Int] = []
    var tensors = header.tensors[...]
    // Where the first of `tensors` ends, and its element size; the header counts as a tensor of bytes.
    var end = origin + header.dataStart
    var width = 1
    for frame in frames {
      var start = frame.content.lowerBound
      var found: Int?
      while start < frame.content.upperBound {
        while end <= start, let tensor = tensors.popFirst() {
          end += tensor.byteCount
          width = self.width(of: tensor.elementType)
        }
        guard found ?? width == width else { throw invalid("elements of \(found ?? 0) and of \(width) bytes", frame) }
        found = width
        start = min(end, frame.content.upperBound)
      }
      guard ZstdDecoder.isWhole(frame) else { throw invalid("\(frame.content.count) bytes", frame) }
      widths.append(found ?? 1)
    }
    return widths
  }

  private static func invalid(_ found: String, _ frame: ZstdFrame) -> HybridizeError {
    HybridizeError(
      .zstdShuffleInvalid, offset: frame.compressed.lowerBound,
      expected: "a frame of elements of one size, and of at most \(ZstdDecoder.wholeFrame) bytes", found: found)
  }
}
