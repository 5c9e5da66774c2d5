import HybridizeCore

/// The bytes of a file from its beginning to its end, decompressed where they are gzip or zstd.
///
/// That is seen from the first bytes, whatever the name. A file that is named `.gz` or `.zst` and is neither is an error:
/// what stands there is not what was meant to be there. Memory is a few pieces of the file, and a window of a size that
/// the file justifies.
package final class ByteStream {
  private let file: HostFile
  private let content: (any ByteContent)?
  private let limit: Int
  /// Bytes that have been handed out.
  private var byteCount = 0

  /// - Throws: `.unreadable`.
  package convenience init(_ path: String) throws(HybridizeError) { try self.init(HostFile(path)) }

  /// - Throws: `.unreadable`, `.truncatedData`.
  package init(_ file: HostFile) throws(HybridizeError) {
    self.file = file
    let start = try file.read(at: 0, count: min(4, file.size))
    content =
      switch start.isEmpty ? nil : Compression(start: start) ?? Compression(name: file.path) {
      case .gzip: GzipStream(file)
      case .zstd: ZstdContent(file)
      case nil: nil
      }
    limit = try content == nil ? file.size : ZstdFrames.contentLimit(of: file)
  }

  package var path: String { file.path }

  /// Bytes of the file itself.
  package var size: Int { file.size }

  /// How many of them have been taken.
  package var offset: Int { content?.offset ?? byteCount }

  /// Puts the next bytes at the beginning of `buffer`, as many as there are at hand.
  ///
  /// - Returns: how many; 0 at the end only.
  /// - Throws: `.unreadable`, `.truncatedData`, what is wrong with a gzip or zstd file, `.gzipOutOfProportion` and
  ///   `.zstdOutOfProportion`.
  /// - Precondition: `buffer` is not empty.
  package func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    precondition(!buffer.isEmpty, "nowhere to put bytes")
    guard let content else {
      let count = min(buffer.count, file.size - byteCount)
      try file.read(at: byteCount, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
      byteCount += count
      return count
    }
    let count = try content.next(into: buffer)
    byteCount += count
    guard byteCount <= limit else {
      throw HybridizeError(
        content.outOfProportion, file: file.path, expected: "at most \(limit) bytes in a file of \(file.size)",
        found: "more")
    }
    return count
  }
}

/// How a file is compressed.
enum Compression {
  case gzip
  case zstd

  /// By the first four bytes of a file.
  init?(start: [UInt8]) {
    if start.starts(with: GzipStream.magic) {
      self = .gzip
    } else if ZstdFrameHeader.begins(start) {
      self = .zstd
    } else {
      return nil
    }
  }

  /// By what the end of a name says.
  init?(name: String) {
    let name = name.lowercased()
    if name.hasSuffix(".gz") {
      self = .gzip
    } else if name.hasSuffix(".zst") {
      self = .zstd
    } else {
      return nil
    }
  }
}

/// What a compressed file holds, one piece after the other.
protocol ByteContent {
  /// Bytes of the file that have been taken.
  var offset: Int { get }
  /// What a file is that holds too much for its size.
  var outOfProportion: Problem { get }
  /// - Returns: how many bytes there are in `buffer` now; 0 at the end only.
  func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int
}

/// What the frames of a zstd file hold, one after the other.
private final class ZstdContent: ByteContent {
  private var walk: ZstdFrameWalk
  private let stream: ZstdStream

  init(_ file: HostFile) {
    walk = ZstdFrameWalk(file)
    stream = ZstdStream(file)
  }

  var offset: Int { stream.offset }
  var outOfProportion: Problem { .zstdOutOfProportion }

  func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    while true {
      let count = try stream.next(into: buffer)
      if count > 0 { return count }
      try stream.finish()
      guard let frame = try walk.next() else { return 0 }
      stream.begin(frame.compressed)
    }
  }
}
