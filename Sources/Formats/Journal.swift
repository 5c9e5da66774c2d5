import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A list of what is finished, a JSON object a line, that a kill at any moment leaves readable: a line that is not whole
/// is not there. Open, it is locked, so that two processes do not go on with the same work.
public final class Journal {
  public let path: String
  /// What the lines said when the journal was opened.
  public let entries: [JSONObject]
  private let descriptor: Int32

  /// Opens or makes the journal.
  ///
  /// - Throws: `.outputBusy` if another process has it open, `.cannotWrite`.
  public init(_ path: String) throws(HybridizeError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw AtomicRename.cannotWrite(path, errno) }
    do throws(HybridizeError) {
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        throw HybridizeError(.outputBusy, file: path, remedy: "wait for it to end, or stop it")
      }
      let (entries, length) = try Self.read(descriptor, path)
      guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, off_t(length), SEEK_SET) >= 0 else {
        throw AtomicRename.cannotWrite(path, errno)
      }
      self.entries = entries
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit {
    // A process that was started meanwhile may have the descriptor as well, and with it the lock, for a moment longer.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// The whole lines and their length; what follows them was being written when the process ended.
  private static func read(_ descriptor: Int32, _ path: String) throws(HybridizeError) -> ([JSONObject], Int) {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard (0...maximumBytes).contains(size) else { throw AtomicRename.cannotWrite(path, EFBIG) }
    let bytes = OwnedBytes(count: size)
    try HostFile.read(descriptor, path, at: 0, into: bytes.bytes)
    var entries: [JSONObject] = []
    var length = 0
    while let end = bytes.bytes[length...].firstIndex(of: UInt8(ascii: "\n")),
      let entry = try? JSONCursor.parse(Array(bytes.bytes[length..<end])).objectValue
    {
      entries.append(entry)
      length = end + 1
    }
    return (entries, length)
  }

  private static let maximumBytes = 1 << 28

  /// Adds a line.
  ///
  /// - Throws: `.cannotWrite`.
  public func append(_ entry: JSONObject) throws(HybridizeError) { try write([entry]) }

  /// Puts other lines in the place of all that are there. A kill meanwhile leaves the first of them.
  ///
  /// - Throws: `.cannotWrite`.
  public func replace(with entries: [JSONObject]) throws(HybridizeError) {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw AtomicRename.cannotWrite(path, errno)
    }
    try write(entries)
  }

  private func write(_ entries: [JSONObject]) throws(HybridizeError) {
    let lines = entries.flatMap { Array((JSONWriter.compact(.object($0)) + "\n").utf8) }
    #if canImport(Glibc)
      let count = Glibc.write(descriptor, lines, lines.count)
    #else
      let count = Darwin.write(descriptor, lines, lines.count)
    #endif
    guard count == lines.count else { throw AtomicRename.cannotWrite(path, count < 0 ? errno : ENOSPC) }
  }

  /// Whether `path` still leads to this journal: another process may have finished the work between opening and locking.
  var isInPlace: Bool {
    var mine = stat()
    var there = stat()
    return fstat(descriptor, &mine) == 0 && lstat(path, &there) == 0 && mine.st_ino == there.st_ino
      && mine.st_dev == there.st_dev
  }

  /// Removes the file; the lock stays until this value goes.
  func remove() { unlink(path) }
}

extension Problem {
  public static let outputBusy = Problem("outputBusy", .output, "another process is writing this output")
}
