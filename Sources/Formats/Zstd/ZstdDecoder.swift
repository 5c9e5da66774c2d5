import CZstd
import HybridizeCore

/// Any bytes of the decompressed file.
///
/// A frame of up to 8 MiB is decompressed whole and kept until another one is asked for. A larger one is decompressed
/// as far as it is asked for, and on from there: reads in the order of the file are one pass over it.
final class ZstdDecoder {
  /// Content of frames that are decompressed whole, and four times that of their compressed bytes.
  static let wholeFrame = 8 << 20

  private let file: HostFile
  private let frames: ZstdFrames
  private let context = ZstdContext.makeDecompressor()
  private let stream: ZstdStream
  /// The frame that `stream` is in.
  private var streamed: Int?
  private var cache: (position: Int, bytes: OwnedBytes)?
  /// The element size by which each frame is shuffled; none at all if the file is not.
  var widths: [Int] = []

  init(_ file: HostFile, _ frames: ZstdFrames) {
    self.file = file
    self.frames = frames
    stream = ZstdStream(file)
  }

  deinit { ZSTD_freeDCtx(context) }

  /// True of frames that are decompressed whole.
  static func isWhole(_ frame: ZstdFrame) -> Bool {
    frame.content.count <= wholeFrame && frame.compressed.count <= 4 * wholeFrame
  }

  /// Fills `buffer` with the decompressed bytes from `offset` on.
  ///
  /// - Throws: `.zstdDamaged`, `.zstdSeekTable` if a frame is not the one that the table describes, `.unreadable`,
  ///   `.truncatedData`.
  /// - Precondition: the frames have that many bytes.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    guard !buffer.isEmpty else { return }
    var done = 0
    var position = frames.position(of: offset)
    while done < buffer.count {
      let frame = frames.frames[position]
      let start = offset + done - frame.content.lowerBound
      let count = min(buffer.count - done, frame.content.count - start)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
      if Self.isWhole(frame) {
        try readWhole(position, from: start, into: part)
      } else {
        try readOn(position, from: start, into: part)
      }
      done += count
      position += 1
    }
  }

  private func readWhole(
    _ position: Int, from start: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let frame = frames.frames[position]
    if let cache, cache.position == position {
      return buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: cache.bytes.bytes[start..<start + buffer.count]))
    }
    if buffer.count == frame.content.count { return try decompress(position, into: buffer) }
    let bytes = OwnedBytes(count: frame.content.count)
    cache = nil
    try decompress(position, into: bytes.bytes)
    cache = (position, bytes)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.bytes[start..<start + buffer.count]))
  }

  /// Decompresses the frame and undoes its shuffle.
  private func decompress(_ position: Int, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    let frame = frames.frames[position]
    let width = widths.isEmpty ? 1 : widths[position]
    guard width > 1 else { return try decompress(frame, into: buffer) }
    let planes = OwnedBytes(count: buffer.count)
    try decompress(frame, into: planes.bytes)
    ByteShuffle.unshuffle(UnsafeRawBufferPointer(planes.bytes), width: width, into: buffer)
  }

  private func decompress(_ frame: ZstdFrame, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    let source = OwnedBytes(count: frame.compressed.count)
    try file.read(at: frame.compressed.lowerBound, into: source.bytes)
    let size = ZSTD_findFrameCompressedSize(source.bytes.baseAddress, source.bytes.count)
    guard ZSTD_isError(size) == 0 else { throw damaged(frame, ZstdContext.errorText(size)) }
    guard size == frame.compressed.count else {
      throw HybridizeError(
        .zstdSeekTable, file: file.path, offset: frame.compressed.lowerBound,
        expected: "a frame of \(frame.compressed.count) bytes", found: "\(size) bytes")
    }
    let result = ZSTD_decompressDCtx(context, buffer.baseAddress, buffer.count, source.bytes.baseAddress, size)
    guard ZSTD_isError(result) == 0 else { throw damaged(frame, ZstdContext.errorText(result)) }
    guard result == buffer.count else { throw damaged(frame, "\(result) bytes where there should be more") }
    guard let checksum = frame.checksum else { return }
    let found = UInt32(truncatingIfNeeded: XXHash64.hash(UnsafeRawBufferPointer(buffer)))
    guard found == checksum else { throw damaged(frame, "content with another checksum than the seek table's") }
  }

  private func readOn(
    _ position: Int, from start: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let frame = frames.frames[position]
    let wasStreamed = streamed
    // Until this read has succeeded: after an error the stream is nowhere.
    streamed = nil
    if wasStreamed != position || stream.position > start { stream.begin(frame.compressed) }
    let scratch = OwnedBytes(count: min(128 << 10, start - stream.position))
    while stream.position < start {
      let count = min(scratch.bytes.count, start - stream.position)
      try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: scratch.bytes[..<count]))
    }
    try stream.read(into: buffer)
    if stream.position == frame.content.count { try stream.finish() }
    streamed = position
  }

  private func damaged(_ frame: ZstdFrame, _ found: String) -> HybridizeError {
    HybridizeError(
      .zstdDamaged, file: file.path, offset: frame.compressed.lowerBound, found: found,
      remedy: "the file has changed since it was written: fetch it again")
  }
}
