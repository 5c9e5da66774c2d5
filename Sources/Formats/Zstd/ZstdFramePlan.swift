import HybridizeCore

/// Where the frames of a file to be written end, by its tensors alone.
///
/// A tensor of up to `maximumBytes` lies in one frame, and a larger one begins one. No frame has elements of two
/// sizes, and none has both header and data.
struct ZstdFramePlan {
  struct Frame: Equatable {
    let byteCount: Int
    /// Bytes of an element.
    let width: Int
  }

  /// A multiple of every element size. Larger frames would not compress better, and reading a small tensor would
  /// decompress more.
  static let maximumBytes = 2 << 20

  private let tensors: [TensorDescriptor]
  private var headerBytes: Int
  private var position = 0
  /// Bytes of the tensor at `position` that are in frames already.
  private var offset = 0

  init(headerBytes: Int, tensors: [TensorDescriptor]) {
    self.headerBytes = headerBytes
    self.tensors = tensors
  }

  /// The next frame; `nil` after the last.
  mutating func next() -> Frame? {
    if headerBytes > 0 {
      let count = min(headerBytes, Self.maximumBytes)
      headerBytes -= count
      return Frame(byteCount: count, width: 1)
    }
    var count = 0
    var width = 1
    while position < tensors.count, count < Self.maximumBytes {
      let tensor = tensors[position]
      let rest = tensor.byteCount - offset
      let room = Self.maximumBytes - count
      let itsWidth = ZstdShuffle.width(of: tensor.elementType)
      if rest > 0, count > 0, rest > room || itsWidth != width { break }
      if rest > 0 { width = itsWidth }
      let part = min(rest, room)
      count += part
      offset += part
      if offset == tensor.byteCount {
        position += 1
        offset = 0
      }
    }
    return count > 0 ? Frame(byteCount: count, width: width) : nil
  }

  /// - Throws: `.tooManyFramesToWrite` if readers would refuse the number of frames; nothing is as long as that.
  func checkCount(fileSize: Int) throws(HybridizeError) {
    // One is the frame in front of a shuffled file.
    var count = 1
    if fileSize / Self.maximumBytes < ZstdFrames.maximumCount {
      var plan = self
      while plan.next() != nil { count += 1 }
    } else {
      count = .max
    }
    guard count <= ZstdFrames.maximumCount else {
      throw HybridizeError(
        .tooManyFramesToWrite, expected: "at most \(ZstdFrames.maximumCount) frames of \(Self.maximumBytes) bytes",
        found: "\(fileSize) bytes", remedy: "write the checkpoint in shards")
    }
  }
}

extension Problem {
  public static let tooManyFramesToWrite = Problem(
    "tooManyFramesToWrite", .output, "the file would have more zstd frames than readers accept")
}
