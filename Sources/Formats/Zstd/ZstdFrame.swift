import HybridizeCore

/// A frame of a zstd file that decompresses to something.
struct ZstdFrame: Sendable {
  /// Where the frame is in the file.
  var compressed: Range<Int>
  /// Where its content is in the decompressed file.
  var content: Range<Int>
  /// The low half of the content's XXH64, where a seek table has it.
  var checksum: UInt32?
}

/// The frames of a zstd file, in order: which bytes of the file hold which bytes of the decompressed one.
struct ZstdFrames: Sendable {
  /// More frames than this are refused: looking at each takes time, and no writer cuts files that fine.
  static let maximumCount = 1 << 20

  /// A file that holds more is given up while it is decompressed, which takes time: neither weights nor text compress
  /// to a thousandth.
  static func contentLimit(of file: HostFile) throws(HybridizeError) -> Int {
    try max(256 << 20, CheckedMath.multiply(file.size, 1000))
  }

  private(set) var frames: [ZstdFrame] = []

  /// Bytes of the decompressed file.
  var byteCount: Int { frames.last?.content.upperBound ?? 0 }

  /// Reads the seek table or, in a file without one, walks from frame to frame and from block to block. Nothing is
  /// decompressed but frames that do not say their size, which have to be once (see `ZstdMeasure`).
  ///
  /// - Throws: `.unreadable`, `.truncatedData`, `.sizeOverflow`, or a problem of `ZstdProblems.swift`.
  init(_ file: HostFile) throws(HybridizeError) {
    if let table = try ZstdSeekTable(file) {
      try table.append(to: &self)
    } else {
      var walk = ZstdFrameWalk(file)
      var measure = ZstdMeasure(file)
      while let frame = try walk.next() {
        var size = frame.contentSize
        if size == nil { size = try measure.contentSize(of: frame.compressed) }
        try append(frame.compressed, contentSize: size ?? 0)
      }
    }
  }

  /// Adds the next frame; one without content is left out.
  ///
  /// - Throws: `.sizeOverflow`.
  mutating func append(
    _ compressed: Range<Int>, contentSize: Int, checksum: UInt32? = nil
  ) throws(HybridizeError) {
    guard contentSize > 0 else { return }
    let end = try CheckedMath.add(byteCount, contentSize)
    frames.append(ZstdFrame(compressed: compressed, content: byteCount..<end, checksum: checksum))
  }

  /// The position of the frame that holds the decompressed byte `offset`.
  ///
  /// - Precondition: there is such a byte.
  func position(of offset: Int) -> Int {
    var low = 0
    var high = frames.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if frames[middle].content.lowerBound <= offset { low = middle } else { high = middle }
    }
    return low
  }
}
