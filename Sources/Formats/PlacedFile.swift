import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file of known size whose parts are written in any order, by several threads.
///
/// It lies in its place from the beginning: for output that appears whole, put it into an `AtomicDirectory`.
final class PlacedFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32

  /// Opens or makes the file and looks for its room on the disk, so that a disk that is too small shows before anything
  /// is written. (Reserving the room would make writing it twice as slow.)
  ///
  /// - Throws: `.cannotWrite`.
  init(_ path: String, size: Int) throws(HybridizeError) {
    self.path = path
    self.size = size
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw AtomicRename.cannotWrite(path, errno) }
    do throws(ErrorNumber) { try findRoom() } catch {
      close(descriptor)
      throw AtomicRename.cannotWrite(path, error.code)
    }
  }

  deinit { close(descriptor) }

  private func findRoom() throws(ErrorNumber) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw ErrorNumber(errno) }
    var info = stat()
    var system = statvfs()
    // A file system that does not tell is believed to have room until a write fails.
    guard fstat(descriptor, &info) == 0, fstatvfs(descriptor, &system) == 0, system.f_blocks > 0 else { return }
    let missing = size - Int(info.st_blocks) * 512
    let available = Double(system.f_bavail) * Double(system.f_frsize)
    guard Double(missing) <= available else { throw ErrorNumber(ENOSPC) }
  }

  /// - Throws: `.cannotWrite`.
  /// - Precondition: the bytes lie within the file.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(HybridizeError) {
    precondition(offset >= 0 && bytes.count <= size - offset, "\(bytes.count) bytes at \(offset) of \(size)")
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw AtomicRename.cannotWrite(path, errno)
      }
      done += count
    }
    beginWriting(bytes.count, at: offset)
  }

  /// Asks the system to begin with the disk now, so that `sync` has little left to wait for.
  private func beginWriting(_ count: Int, at offset: Int) {
    #if canImport(Glibc)
      // Whole pages: a neighbour's piece that shares one would have to wait until it is written.
      let page = 4096
      let (first, last) = ((offset + page - 1) / page * page, (offset + count) / page * page)
      guard last - first >= 1 << 20, let begin = Self.syncFileRange else { return }
      _ = begin(descriptor, Int64(first), Int64(last - first), 2)  // SYNC_FILE_RANGE_WRITE
    #endif
  }

  #if canImport(Glibc)
    private typealias SyncFileRange = @convention(c) (CInt, Int64, Int64, CUnsignedInt) -> CInt

    /// Looked up, because its header does not declare it for Swift.
    private static let syncFileRange = dlsym(nil, "sync_file_range").map { unsafeBitCast($0, to: SyncFileRange.self) }
  #endif

  /// - Throws: `.unreadable`, `.truncatedData`.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    try HostFile.read(descriptor, path, at: offset, into: buffer)
  }

  /// Makes what has been written durable.
  ///
  /// - Throws: `.cannotWrite`.
  func sync() throws(HybridizeError) {
    guard fsync(descriptor) == 0 else { throw AtomicRename.cannotWrite(path, errno) }
  }
}
