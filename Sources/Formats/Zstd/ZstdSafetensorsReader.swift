import HybridizeCore

/// A safetensors file compressed with zstd. Opening it looks at all frames and decompresses the header.
///
/// What is in frames of up to 8 MiB, as `ZstdSafetensorsWriter` makes them, is read by decompressing those frames. A
/// file in one large frame, as the `zstd` program makes it, is read fast in the order of the file; going back starts
/// again from its beginning. Reads from several threads wait for each other.
public final class ZstdSafetensorsReader: TensorReader {
  public let path: String
  public let header: SafetensorsHeader
  private let file: HostFile
  private let decoder: Locked<ZstdDecoder>
  /// Where the safetensors file begins in the decompressed bytes.
  private let origin: Int

  /// - Parameters:
  ///   - file: the file to open.
  ///   - path: what the user gave, where that is not the file itself.
  ///   - strict: also refuse fields that the format does not know.
  /// - Throws: `.unreadable`; a problem of `ZstdProblems.swift`, `.truncatedData`, `.sizeOverflow`; or what is wrong
  ///   with the header (see `SafetensorsHeader`).
  public init(_ file: String, givenAs path: String? = nil, strict: Bool = false) throws(HybridizeError) {
    self.path = path ?? file
    let input = try HostFile(file)
    self.file = input
    do {
      let frames = try ZstdFrames(input)
      let decoder = ZstdDecoder(input, frames)
      let isShuffled = try ZstdShuffle.isAnnounced(in: input)
      if isShuffled { try Self.checkMark(decoder, frames) }
      origin = isShuffled ? ZstdShuffle.mark.count : 0
      header = try Self.header(decoder, origin: origin, end: frames.byteCount, fileSize: input.size, strict: strict)
      if isShuffled { decoder.widths = try ZstdShuffle.widths(of: frames.frames, header, origin: origin) }
      self.decoder = Locked(decoder)
    } catch {
      throw error.inFile(file)
    }
  }

  public var formatName: String { ZstdSafetensorsFormat.name }
  public var tensors: [TensorDescriptor] { header.tensors }
  public var metadata: [(key: String, value: String)] { header.metadata }
  public var files: [String] { [file.path] }
  /// True if the file says that its tensors are shuffled, which no other program undoes.
  public var isShuffled: Bool { origin > 0 }

  public func descriptor(named name: String) -> TensorDescriptor? { header.descriptor(named: name) }

  public func file(of name: String) -> String? {
    header.descriptor(named: name).map { _ in file.path }
  }

  /// The tensor, decompressed into memory of its own.
  ///
  /// - Throws: as `read`; `.notEnoughMemory`.
  public func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard let tensor = header.descriptor(named: name) else { throw missing(name) }
    let bytes: OwnedBytes
    do {
      bytes = try OwnedBytes(claimed: tensor.byteCount)
    } catch {
      throw error.inFile(file.path).inTensor(name)
    }
    try read(name, range: 0..<tensor.byteCount, into: bytes.bytes)
    return StoredTensor(
      name: tensor.name, elementType: tensor.elementType, shape: tensor.shape,
      bytes: UnsafeRawBufferPointer(bytes.bytes), owner: bytes)
  }

  /// - Throws: `.missingTensor`, `.rangeOutsideTensor`, `.zstdDamaged`, `.zstdSeekTable`, `.truncatedData`,
  ///   `.unreadable`.
  public func read(
    _ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    precondition(buffer.count == range.count, "the buffer has \(buffer.count) bytes for \(range.count)")
    guard let tensor = header.descriptor(named: name), let place = header.range(of: name) else { throw missing(name) }
    try tensor.check(range, in: file.path)
    do {
      try decoder.withLock { (decoder) throws(HybridizeError) in
        try decoder.read(at: origin + place.lowerBound + range.lowerBound, into: buffer)
      }
    } catch {
      throw error.inTensor(name)
    }
  }

  /// Checks that a file which is announced as shuffled says so inside as well.
  private static func checkMark(_ decoder: ZstdDecoder, _ frames: ZstdFrames) throws(HybridizeError) {
    let count = min(ZstdShuffle.mark.count, frames.byteCount)
    guard try decoder.bytes(at: 0, count: count) == ZstdShuffle.mark else {
      throw HybridizeError(.zstdShuffleInvalid, expected: "content that begins with HYBSHUF1")
    }
  }

  private static func header(
    _ decoder: ZstdDecoder, origin: Int, end: Int, fileSize: Int, strict: Bool
  ) throws(HybridizeError) -> SafetensorsHeader {
    let size = end - origin
    do throws(HybridizeError) {
      let prefix = try decoder.bytes(at: origin, count: min(8, size))
      let length = try SafetensorsHeader.length(prefix, fileSize: size)
      // Text compresses, but not without limit: a few bytes are not to ask for a hundred megabytes.
      guard length <= 16 << 20 || length / 64 <= fileSize else {
        throw HybridizeError(
          .headerTooLarge, expected: "at most 64 times the \(fileSize) bytes of the file", found: "\(length) bytes")
      }
      return try SafetensorsHeader(decoder.bytes(at: origin + 8, count: length), fileSize: size, strict: strict)
    } catch {
      throw inContent(error)
    }
  }

  /// An error of the header, whose offset is one of the decompressed file, as one of the file that the user has.
  private static func inContent(_ error: HybridizeError) -> HybridizeError {
    // The decoder has named the file, and its offsets are right.
    guard let offset = error.offset, error.file == nil else { return error }
    var moved = error
    moved.offset = nil
    moved.remedy = error.remedy ?? "decompress the file with zstd -d and look at byte \(offset)"
    return moved
  }
}

extension ZstdDecoder {
  fileprivate func bytes(at offset: Int, count: Int) throws(HybridizeError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(HybridizeError) in
      try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }
}
