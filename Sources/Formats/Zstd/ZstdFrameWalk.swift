import HybridizeCore

/// Goes through a zstd file from frame to frame, reading the headers of frames and blocks alone.
///
/// Memory is a page and time is in proportion to the number of blocks. At the end every byte of the file has been
/// accounted for: nothing is cut off, nothing follows that is no frame.
struct ZstdFrameWalk {
  struct Frame {
    let compressed: Range<Int>
    /// What the frame says, found to be possible; `nil` if it does not say it.
    let contentSize: Int?
  }

  private var page: FilePage
  private var offset = 0
  private var count = 0

  init(_ file: HostFile) { page = FilePage(file) }

  /// The next frame with data; `nil` at the end of the file.
  mutating func next() throws(HybridizeError) -> Frame? {
    while offset < page.file.size {
      count += 1
      guard count <= ZstdFrames.maximumCount else { throw Self.tooMany(page.file) }
      switch try page.frameHeader(at: offset) {
      case .skippable(let byteCount): try advance(byteCount)
      case .data(let header): return try frame(header)
      }
    }
    return nil
  }

  static func tooMany(_ file: HostFile) -> HybridizeError {
    HybridizeError(
      .zstdTooManyFrames, file: file.path, expected: "at most \(ZstdFrames.maximumCount) frames",
      remedy: "compress the file anew, in larger frames")
  }

  private mutating func frame(_ header: ZstdDataHeader) throws(HybridizeError) -> Frame {
    let start = offset
    try advance(header.byteCount)
    // What the blocks can hold at most, without decompressing them.
    var room = 0
    var isLast = false
    while !isLast {
      let bytes = try page.bytes(at: offset, count: 3)
      guard bytes.count == 3 else { throw ZstdFrameHeader.truncated(offset).inFile(page.file.path) }
      let word = Int(bytes.littleEndianValue)
      isLast = word & 1 == 1
      let (kind, size) = (word >> 1 & 3, word >> 3)
      guard kind != 3, size <= header.maximumBlock else {
        throw HybridizeError(
          .zstdFrameInvalid, file: page.file.path, offset: offset,
          expected: "a block of at most \(header.maximumBlock) bytes", found: "kind \(kind), \(size) bytes")
      }
      // 0 is stored, 1 is one byte repeated, 2 is compressed.
      room += kind == 2 ? header.maximumBlock : size
      try advance(3 + (kind == 1 ? 1 : size))
    }
    if header.hasChecksum { try advance(4) }
    // A frame that says that it is empty is not looked at again, and must be.
    if let claimed = header.contentSize, claimed > room || claimed == 0 && room > 0 {
      throw HybridizeError(
        .zstdSizeClaim, file: page.file.path, offset: start, expected: "at most \(room) bytes, and some if there are",
        found: "\(claimed) bytes")
    }
    return Frame(compressed: start..<offset, contentSize: header.contentSize)
  }

  private mutating func advance(_ count: Int) throws(HybridizeError) {
    guard count <= page.file.size - offset else { throw ZstdFrameHeader.truncated(offset).inFile(page.file.path) }
    offset += count
  }
}

/// A window of one page on a file, for many small reads that go forward.
struct FilePage {
  let file: HostFile
  private var start = 0
  private var bytes: [UInt8] = []

  init(_ file: HostFile) { self.file = file }

  /// `count` bytes, fewer only at the end of the file.
  ///
  /// - Precondition: `offset` is within the file, and `count` at most a page of 4096.
  mutating func bytes(at offset: Int, count: Int) throws(HybridizeError) -> ArraySlice<UInt8> {
    let available = min(count, file.size - offset)
    if offset < start || offset + available > start + bytes.count {
      bytes = try file.read(at: offset, count: min(4096, file.size - offset))
      start = offset
    }
    return bytes[offset - start..<offset - start + available]
  }

  /// The header of the frame at `offset`.
  mutating func frameHeader(at offset: Int) throws(HybridizeError) -> ZstdFrameHeader {
    let start = try bytes(at: offset, count: ZstdFrameHeader.maximumSize)
    do {
      return try ZstdFrameHeader(start, at: offset, fileSize: file.size)
    } catch {
      throw error.inFile(file.path)
    }
  }
}
