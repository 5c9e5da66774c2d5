import HybridizeCore

/// The bytes of a file from its beginning to its end, those of a `.zst` file decompressed.
///
/// Memory is a few pieces of the file, and a zstd window of a size that the file justifies.
package final class ByteStream {
  private let file: HostFile
  private let content: ZstdContent?
  /// Where the bytes of a plain file end that have been read.
  private var position = 0

  /// - Throws: `.unreadable`.
  package init(_ path: String) throws(HybridizeError) {
    file = try HostFile(path)
    content = path.hasSuffix(".zst") ? try ZstdContent(file) : nil
  }

  package var path: String { file.path }

  /// Bytes of the file itself.
  package var size: Int { file.size }

  /// How many of them have been taken.
  package var offset: Int { content?.offset ?? position }

  /// Puts the next bytes at the beginning of `buffer`, as many as there are at hand.
  ///
  /// - Returns: how many; 0 at the end only.
  /// - Throws: `.unreadable`, `.truncatedData`, what is wrong with a zstd file, and `.zstdOutOfProportion`.
  /// - Precondition: `buffer` is not empty.
  package func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    precondition(!buffer.isEmpty, "nowhere to put bytes")
    if let content { return try content.next(into: buffer) }
    let count = min(buffer.count, file.size - position)
    try file.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    position += count
    return count
  }
}

/// What the frames of a zstd file hold, one after the other.
private final class ZstdContent {
  private let file: HostFile
  private var walk: ZstdFrameWalk
  private let stream: ZstdStream
  private let limit: Int
  private var byteCount = 0

  init(_ file: HostFile) throws(HybridizeError) {
    self.file = file
    walk = ZstdFrameWalk(file)
    stream = ZstdStream(file)
    limit = try ZstdFrames.contentLimit(of: file)
  }

  var offset: Int { stream.offset }

  func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    while true {
      let count = try stream.next(into: buffer)
      byteCount += count
      guard byteCount <= limit else {
        throw HybridizeError(
          .zstdOutOfProportion, file: file.path, expected: "at most \(limit) bytes in a file of \(file.size)",
          found: "more")
      }
      if count > 0 { return count }
      try stream.finish()
      guard let frame = try walk.next() else { return 0 }
      stream.begin(frame.compressed)
    }
  }
}
