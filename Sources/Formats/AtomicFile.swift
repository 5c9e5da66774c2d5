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
  private let sibling: AtomicSibling
  private let digest = SHA256()
  public private(set) var byteCount = 0

  /// - Parameter replacing: replace a file that is there; otherwise that is an error, now and at `commit`.
  /// - Throws: `.outputExists`, `.cannotWrite`.
  public init(_ path: String, replacing: Bool = false) throws(HybridizeError) {
    sibling = try AtomicSibling(of: path, replacing: replacing)
  }

  /// Writes a text, in the place of a file that is there.
  ///
  /// - Throws: `.cannotWrite`.
  public static func write(_ text: String, to path: String) throws(HybridizeError) {
    let file = try AtomicFile(path, replacing: true)
    try Array(text.utf8).withBytes(file.write)
    _ = try file.commit()
  }

  /// Removes the siblings that killed processes have left of this file.
  ///
  /// - Precondition: nobody else is writing it.
  /// - Throws: `.unreadable` for a directory that cannot be listed.
  public static func removeLeftovers(of path: String) throws(HybridizeError) {
    let directory = FileSystem.directory(of: path)
    let start = FileSystem.name(of: AtomicRename.sibling(of: path, key: ""))
    for name in try FileSystem.list(directory) where name.hasPrefix(start) {
      unlink(FileSystem.join(directory, name))
    }
  }

  /// Where the file will be.
  public var path: String { sibling.path }

  /// Appends bytes.
  ///
  /// - Throws: `.cannotWrite`, for instance when the disk is full. The file is given up then.
  /// - Precondition: the file is not committed and no write has failed.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    precondition(sibling.isOpen, "write to a file that is committed or given up")
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Glibc)
        let count = Glibc.write(sibling.descriptor, part.baseAddress, part.count)
      #else
        let count = Darwin.write(sibling.descriptor, part.baseAddress, part.count)
      #endif
      if count < 0 {
        let code = errno
        if code == EINTR { continue }
        sibling.giveUp()
        throw AtomicRename.cannotWrite(path, code)
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
    try sibling.commit()
    return WrittenFile(path: path, byteCount: byteCount, sha256: digest.finish())
  }
}

/// The hidden sibling of a file that is not there yet, whoever writes into it. It is removed with this value unless it
/// has been committed.
final class AtomicSibling {
  /// Where the file will be.
  let path: String
  /// Where it is built.
  let buildPath: String
  private let replaces: Bool
  private(set) var descriptor: Int32

  /// - Throws: `.outputExists`, `.cannotWrite`.
  init(of path: String, replacing: Bool) throws(HybridizeError) {
    if !replacing { try AtomicRename.checkFree(path) }
    self.path = path
    replaces = replacing
    (buildPath, descriptor) = try AtomicRename.makeSibling(of: path) { (sibling) throws(ErrorNumber) in
      let descriptor = open(sibling, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw ErrorNumber(errno) }
      return descriptor
    }
  }

  deinit { giveUp() }

  /// Neither committed nor given up.
  var isOpen: Bool { descriptor >= 0 }

  /// Removes it.
  func giveUp() {
    guard isOpen else { return }
    close(descriptor)
    descriptor = -1
    unlink(buildPath)
  }

  /// Puts the file in its place, durably.
  ///
  /// - Throws: `.cannotWrite`; `.outputExists` if another file has appeared there meanwhile. It is given up then.
  /// - Precondition: `isOpen`.
  func commit() throws(HybridizeError) {
    precondition(isOpen, "a file is committed once")
    do throws(HybridizeError) {
      guard fsync(descriptor) == 0 else { throw AtomicRename.cannotWrite(path, errno) }
      try AtomicRename.rename(buildPath, to: path, replacing: replaces)
    } catch {
      giveUp()
      throw error
    }
    close(descriptor)
    descriptor = -1
    try AtomicRename.sync(FileSystem.directory(of: path))
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
