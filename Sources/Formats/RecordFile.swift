import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Records of one length, each found by a key, in a file that only grows: what costs more to compute than to keep.
///
/// A kill at any moment loses at most the record that was being written; a record that is not what was written is not
/// there. Open, it is locked. The file begins with `HYRECORD`, the identity of what it holds and the length of a record's
/// bytes; a record is its key, its bytes and the XXH64 of both.
package final class RecordFile {
  package let path: String
  private let recordBytes: Int
  private let descriptor: Int32
  private var places: [Key: Int] = [:]
  private var end: Int

  /// The first half of a SHA-256.
  package struct Key: Hashable, Sendable {
    fileprivate let bytes: [UInt8]

    /// - Parameter digest: 64 hexadecimal digits.
    package init(_ digest: String) { bytes = Array(digest.utf8.prefix(32)) }
  }

  private static let magic = Array("HYRECORD".utf8)
  private static let keyBytes = 32
  private static let identityBytes = 64

  /// Opens or makes the file.
  ///
  /// - Parameters:
  ///   - identity: 64 hexadecimal digits: a file of another identity is not touched.
  ///   - recordBytes: of a record without its key.
  /// - Throws: `.otherRecords`, `.outputBusy`, `.cannotWrite`, `.unreadable`.
  package init(_ path: String, identity: String, recordBytes: Int) throws(HybridizeError) {
    self.path = path
    self.recordBytes = recordBytes
    let header =
      Self.magic + Array(identity.utf8.prefix(Self.identityBytes))
      + withUnsafeBytes(of: recordBytes.littleEndian) { Array($0) }
    end = header.count
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw AtomicRename.cannotWrite(path, errno) }
    do throws(HybridizeError) {
      guard Self.lock(descriptor) else {
        throw HybridizeError(.outputBusy, file: path, remedy: "wait for it to end, or stop it")
      }
      let size = Int(lseek(descriptor, 0, SEEK_END))
      guard size >= header.count else {
        try Self.write(header, at: 0, descriptor, path)
        return
      }
      let found = OwnedBytes(count: header.count)
      try HostFile.read(descriptor, path, at: 0, into: found.bytes)
      guard found.bytes.elementsEqual(header) else {
        throw HybridizeError(
          .otherRecords, file: path, expected: "records of this teacher, text and settings", found: "others",
          remedy: "give another file, or remove this one")
      }
      try readPlaces(size: size)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// A process that was being started when the last owner ended holds the lock with it for an instant more, until its own program
  /// begins: that is waited for.
  private static func lock(_ descriptor: Int32) -> Bool {
    for _ in 0..<20 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
      guard errno == EWOULDBLOCK || errno == EINTR else { return false }
      usleep(10_000)
    }
    return false
  }

  private var stride: Int { Self.keyBytes + recordBytes + 8 }

  /// Notes where the records are, up to the first that is not whole.
  private func readPlaces(size: Int) throws(HybridizeError) {
    let key = OwnedBytes(count: Self.keyBytes)
    while end + stride <= size {
      try HostFile.read(descriptor, path, at: end, into: key.bytes)
      places[Key(digits: Array(key.bytes))] = end
      end += stride
    }
  }

  /// The bytes of a record; `nil` if there is none, or it is damaged.
  ///
  /// - Throws: `.unreadable`.
  package func record(_ key: Key) throws(HybridizeError) -> OwnedBytes? {
    guard let place = places[key] else { return nil }
    let whole = OwnedBytes(count: stride)
    try HostFile.read(descriptor, path, at: place, into: whole.bytes)
    let content = UnsafeRawBufferPointer(rebasing: whole.bytes[..<(stride - 8)])
    guard whole.bytes.loadUnaligned(fromByteOffset: stride - 8, as: UInt64.self) == XXHash64.hash(content),
      content.prefix(Self.keyBytes).elementsEqual(key.bytes)
    else { return nil }
    let record = OwnedBytes(count: recordBytes)
    record.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: content[Self.keyBytes...]))
    return record
  }

  /// Adds a record, or puts it in the place of a damaged one.
  ///
  /// - Throws: `.cannotWrite`.
  /// - Precondition: it has the length of all.
  package func add(_ bytes: UnsafeRawBufferPointer, under key: Key) throws(HybridizeError) {
    precondition(bytes.count == recordBytes, "\(bytes.count) bytes for a record of \(recordBytes)")
    var whole = key.bytes + Array(bytes)
    whole += withUnsafeBytes(of: whole.withUnsafeBytes { XXHash64.hash($0) }) { Array($0) }
    let place = places[key] ?? end
    try Self.write(whole, at: place, descriptor, path)
    places[key] = place
    if place == end { end += stride }
  }

  private static func write(
    _ bytes: [UInt8], at offset: Int, _ descriptor: Int32, _ path: String
  ) throws(HybridizeError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw AtomicRename.cannotWrite(path, count < 0 ? errno : ENOSPC) }
      done += count
    }
  }
}

extension RecordFile.Key {
  fileprivate init(digits: [UInt8]) { bytes = digits }
}

extension Problem {
  package static let otherRecords = Problem("otherRecords", .argument, "the file holds something else")
}
