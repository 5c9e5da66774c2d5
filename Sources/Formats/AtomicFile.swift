import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that is there whole or not at all.
///
/// It is written as a hidden sibling `.NAME.partial-XXXXXXXX`, synced, and renamed by `commit`. Without a commit
/// it is removed with this value. Only a process that is killed leaves the sibling behind.
public final class AtomicFile {
  /// Where the file will be.
  public let path: String
  private let temporary: String
  private let replaces: Bool
  private let digest = SHA256()
  private var descriptor: Int32
  public private(set) var byteCount = 0

  /// - Parameter replacing: replace a file that is there; otherwise that is an error, now and at `commit`.
  /// - Throws: `.outputExists`, `.cannotWrite`.
  public init(_ path: String, replacing: Bool = false) throws(HybridizeError) {
    if !replacing { try AtomicRename.checkFree(path) }
    self.path = path
    replaces = replacing
    (temporary, descriptor) = try AtomicRename.makeSibling(of: path) { (sibling) throws(ErrorNumber) in
      let descriptor = open(sibling, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw ErrorNumber(errno) }
      return descriptor
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  /// Appends bytes.
  ///
  /// - Throws: `.cannotWrite`, for instance when the disk is full. The file is given up then.
  /// - Precondition: the file is not committed and no write has failed.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    precondition(descriptor >= 0, "write to a file that is committed or given up")
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, part.baseAddress, part.count)
      #else
        let count = Darwin.write(descriptor, part.baseAddress, part.count)
      #endif
      if count < 0 {
        if errno == EINTR { continue }
        throw giveUp(errno)
      }
      rest = rest.dropFirst(count)
    }
    digest.update(bytes)
    byteCount += bytes.count
  }

  /// Puts the file in its place, durably.
  ///
  /// - Returns: what has been written.
  /// - Throws: `.cannotWrite`; `.outputExists` if another file has appeared there meanwhile.
  /// - Precondition: as for `write`.
  public func commit() throws(HybridizeError) -> WrittenFile {
    precondition(descriptor >= 0, "a file is committed once")
    guard fsync(descriptor) == 0 else { throw giveUp(errno) }
    do {
      try AtomicRename.rename(temporary, to: path, replacing: replaces)
    } catch {
      _ = giveUp(0)
      throw error
    }
    close(descriptor)
    descriptor = -1
    try AtomicRename.sync(FileSystem.directory(of: path))
    return WrittenFile(path: path, byteCount: byteCount, sha256: digest.finish())
  }

  private func giveUp(_ code: Int32) -> HybridizeError {
    close(descriptor)
    descriptor = -1
    unlink(temporary)
    return HybridizeError(.cannotWrite, file: path, found: FileSystem.errorText(code))
  }
}

/// A file that has been written whole.
public struct WrittenFile: Sendable, Hashable {
  public let path: String
  public let byteCount: Int
  /// 64 lower-case hexadecimal digits.
  public let sha256: String

  public init(path: String, byteCount: Int, sha256: String) {
    self.path = path
    self.byteCount = byteCount
    self.sha256 = sha256
  }
}

extension Problem {
  public static let outputExists = Problem("outputExists", .output, "the output exists already")
  public static let cannotWrite = Problem("cannotWrite", .output, "cannot be written")
}
