import CZstd
import HybridizeCore

/// One frame of a zstd file at a time, decompressed from its beginning on.
final class ZstdStream {
  private let file: HostFile
  private let context: OpaquePointer
  private let input = OwnedBytes(count: 128 << 10)
  /// What has been read of the frame and not been consumed.
  private var pending = 0..<0
  /// What has not been read of it.
  private var unread = 0..<0
  private var start = 0
  /// Bytes that have been decompressed.
  private(set) var position = 0
  private var isEnded = true

  init(_ file: HostFile) {
    self.file = file
    context = ZstdContext.makeDecompressor()
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Goes to the beginning of a frame.
  func begin(_ compressed: Range<Int>) {
    // Cannot fail: it drops what was under way.
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
    pending = 0..<0
    unread = compressed
    start = compressed.lowerBound
    position = 0
    isEnded = false
  }

  /// Fills `buffer` with the next bytes.
  ///
  /// - Throws: `.zstdDamaged`, also if the frame has not that many; `.unreadable`, `.truncatedData`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    var done = 0
    while done < buffer.count {
      guard !isEnded else { throw damaged("\(position) bytes where there should be more") }
      done += try step(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
    }
  }

  /// Goes to the end of the frame, where its checksum is compared.
  ///
  /// - Throws: as `read`; `.zstdDamaged` if there is more content.
  func finish() throws(HybridizeError) {
    while !isEnded { _ = try step(into: UnsafeMutableRawBufferPointer(start: nil, count: 0)) }
    guard pending.isEmpty, unread.isEmpty else { throw damaged("bytes after the end of the frame") }
  }

  /// Goes on by as many bytes as there are, at most as many as `buffer` has, which is not empty.
  ///
  /// - Returns: how many; 0 at the end of the frame.
  /// - Throws: as `read`.
  func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    isEnded ? 0 : try step(into: buffer)
  }

  /// Where in the file the compressed bytes end that have been taken.
  var offset: Int { unread.lowerBound - pending.count }

  /// Decompresses some bytes, at least one unless the frame ends or `output` is empty.
  private func step(into output: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    while true {
      let hasInput = try refill()
      var source = ZSTD_inBuffer(
        src: input.bytes.baseAddress, size: pending.upperBound, pos: pending.lowerBound)
      var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
      let result = ZSTD_decompressStream(context, &target, &source)
      guard ZSTD_isError(result) == 0 else { throw damaged(ZstdContext.errorText(result)) }
      let consumed = source.pos - pending.lowerBound
      pending = source.pos..<pending.upperBound
      position += target.pos
      isEnded = result == 0
      if isEnded || target.pos > 0 { return target.pos }
      guard consumed > 0 else {
        throw damaged(hasInput ? "more content than the frame is said to have" : "a frame that does not end")
      }
      if output.isEmpty { return 0 }
    }
  }

  /// - Returns: whether there is input.
  private func refill() throws(HybridizeError) -> Bool {
    guard pending.isEmpty else { return true }
    let count = min(unread.count, input.bytes.count)
    try file.read(at: unread.lowerBound, into: UnsafeMutableRawBufferPointer(rebasing: input.bytes[..<count]))
    unread = unread.lowerBound + count..<unread.upperBound
    pending = 0..<count
    return count > 0
  }

  private func damaged(_ found: String) -> HybridizeError {
    HybridizeError(.zstdDamaged, file: file.path, offset: start, found: found)
  }
}

/// The sizes of frames that do not say them, by decompressing them and keeping nothing.
struct ZstdMeasure {
  private let file: HostFile
  private let stream: ZstdStream
  private let scratch = OwnedBytes(count: 128 << 10)
  /// Bytes of all frames so far.
  private var total = 0

  init(_ file: HostFile) {
    self.file = file
    stream = ZstdStream(file)
  }

  /// - Throws: as `ZstdStream.read`; `.zstdSizeClaim` once all such frames together are above the limit.
  mutating func contentSize(of compressed: Range<Int>) throws(HybridizeError) -> Int {
    let limit = try ZstdFrames.contentLimit(of: file)
    stream.begin(compressed)
    while try stream.next(into: scratch.bytes) > 0 {
      guard stream.position <= limit - total else {
        throw HybridizeError(
          .zstdSizeClaim, file: file.path, offset: compressed.lowerBound, expected: "at most \(limit) bytes",
          found: "more, in frames that do not say their size",
          remedy: "compress the file by its name, so that the frame says its size")
      }
    }
    try stream.finish()
    total += stream.position
    return stream.position
  }
}

/// What libzstd's contexts have in common.
enum ZstdContext {
  static func makeDecompressor() -> OpaquePointer {
    guard let context = ZSTD_createDCtx() else { fatalError("no memory for a zstd context") }
    // Cannot fail: the value is within the limits of the library.
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(ZstdDataHeader.maximumWindow.trailingZeroBitCount))
    return context
  }

  static func errorText(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}
