import CZlib
import HybridizeCore

/// What the members of a gzip file hold, one after the other (RFC 1952). Zeros may follow the last, as tapes and block
/// devices leave them; anything else is an error. Each member's length and checksum are compared by zlib.
final class GzipStream: ByteContent {
  static let magic: [UInt8] = [0x1F, 0x8B]

  private enum State {
    /// Before a member, the first included.
    case between
    case inMember
    case ended
  }

  private let file: HostFile
  private let input = OwnedBytes(count: 128 << 10)
  /// zlib keeps the address, so that it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  /// What has been read and not been taken.
  private var pending = 0..<0
  /// Bytes that have been read.
  private var readCount = 0
  private var state = State.between
  /// Where the member begins.
  private var start = 0

  init(_ file: HostFile) {
    self.file = file
    stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 16 asks for a gzip header and checksum; 15 is the largest window, 32 KiB.
    let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    // Only memory or another zlib can be the reason.
    guard status == Z_OK else { fatalError("zlib cannot begin: \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  var offset: Int { readCount - pending.count }
  var outOfProportion: Problem { .gzipOutOfProportion }

  func next(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    while true {
      switch state {
      case .ended: return 0
      case .between: try beginMember()
      case .inMember:
        let count = try inflate(into: buffer)
        if count > 0 { return count }
      }
    }
  }

  /// Goes to the next member, or to the end.
  private func beginMember() throws(HybridizeError) {
    let isFirst = offset == 0
    start = offset
    var hasZeros = false
    while try refill(), input.bytes[pending.lowerBound] == 0, !isFirst {
      pending.removeFirst()
      hasZeros = true
    }
    guard !pending.isEmpty else {
      state = .ended
      return
    }
    let found = input.bytes[pending].prefix(2)
    guard !hasZeros, found[found.startIndex] == Self.magic[0] else {
      let bytes = found.map(hexadecimal).joined(separator: " ")
      throw HybridizeError(
        .gzipForeignBytes, file: file.path, offset: offset, expected: "a gzip member", found: "bytes \(bytes)",
        remedy: isFirst ? "name the file without .gz if it is not compressed" : "fetch the file again")
    }
    inflateReset(stream)
    state = .inMember
  }

  /// - Returns: how many bytes there are; 0 where the member has ended, or where it has taken input and given nothing yet.
  private func inflate(into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Int {
    guard try refill() else {
      throw HybridizeError(
        .truncatedData, file: file.path, offset: start, expected: "a whole gzip member", found: "the end of the file",
        remedy: "the file is incomplete: fetch it again")
    }
    let room = min(buffer.count, 1 << 30)
    stream.pointee.next_in = input.bytes.baseAddress?.advanced(by: pending.lowerBound)
      .assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = uInt(pending.count)
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = uInt(room)
    let status = CZlib.inflate(stream, Z_NO_FLUSH)
    pending = pending.upperBound - Int(stream.pointee.avail_in)..<pending.upperBound
    guard status == Z_OK || status == Z_STREAM_END else {
      throw HybridizeError(
        .gzipDamaged, file: file.path, offset: start,
        found: stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)", remedy: "fetch the file again")
    }
    if status == Z_STREAM_END { state = .between }
    return room - Int(stream.pointee.avail_out)
  }

  /// - Returns: whether there is input.
  private func refill() throws(HybridizeError) -> Bool {
    guard pending.isEmpty else { return true }
    let count = min(file.size - readCount, input.bytes.count)
    try file.read(at: readCount, into: UnsafeMutableRawBufferPointer(rebasing: input.bytes[..<count]))
    readCount += count
    pending = 0..<count
    return count > 0
  }
}

extension Problem {
  public static let gzipForeignBytes = Problem(
    "gzipForeignBytes", .inputFile, "there are bytes where a gzip member should begin")
  public static let gzipDamaged = Problem("gzipDamaged", .inputFile, "the gzip data is damaged")
  public static let gzipOutOfProportion = Problem(
    "gzipOutOfProportion", .inputFile, "the file decompresses to far more than text does")
}
