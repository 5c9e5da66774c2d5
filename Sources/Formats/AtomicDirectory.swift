import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A directory that is there whole or not at all.
///
/// It is built as a hidden sibling `.NAME.partial-XXXXXXXX` and renamed by `commit`. Without a commit it is
/// removed with this value, with everything in it. Only a process that is killed leaves the sibling behind; one that
/// was opened to be continued is then found again, with a journal of what is finished.
public final class AtomicDirectory {
  /// Where the directory will be.
  public let path: String
  /// Where it is built: write the files here.
  public let buildPath: String
  /// What an earlier run has finished, and where this one notes what it has; `nil` for work that starts anew each time.
  public let journal: Journal?
  private var isOpen = true

  /// - Throws: `.outputExists`, `.cannotWrite` when its parent is missing or not writable.
  public init(_ path: String) throws(HybridizeError) {
    try AtomicRename.checkFree(path)
    self.path = path
    (buildPath, _) = try AtomicRename.makeSibling(of: path) { (sibling) throws(ErrorNumber) in
      guard mkdir(sibling, 0o777) == 0 else { throw ErrorNumber(errno) }
    }
    journal = nil
  }

  /// Goes on where an earlier run of the same work was interrupted, if one was.
  ///
  /// - Parameter key: tells work apart; the same key means that the same bytes would be written.
  /// - Throws: as `init(_:)`; `.outputBusy` if another process is at the same work.
  public init(_ path: String, continuing key: String) throws(HybridizeError) {
    self.path = path
    buildPath = AtomicRename.sibling(of: path, key: key)
    var journal: Journal?
    while journal == nil {
      try AtomicRename.checkFree(path)
      guard mkdir(buildPath, 0o777) == 0 || errno == EEXIST && FileSystem.isDirectory(buildPath) else {
        throw AtomicRename.cannotMake(path, errno)
      }
      let opened = try Journal(FileSystem.join(buildPath, ".journal"))
      if opened.isInPlace { journal = opened }
    }
    self.journal = journal
  }

  /// Removes what an earlier run has left, but for the files for which `isKept` holds.
  ///
  /// - Throws: `.unreadable`.
  public func clear(keeping isKept: (String) -> Bool) throws(HybridizeError) {
    for name in try FileSystem.list(buildPath) where name != ".journal" && !isKept(name) {
      DirectoryTree.remove(FileSystem.join(buildPath, name))
    }
  }

  deinit { if isOpen { DirectoryTree.remove(buildPath) } }

  /// The path under which to write the file `name` of the directory.
  public func path(of name: String) -> String { FileSystem.join(buildPath, name) }

  /// Writes a small file.
  ///
  /// - Throws: `.cannotWrite`; `.outputExists` for a name that has been written already.
  public func write(_ name: String, _ bytes: [UInt8]) throws(HybridizeError) -> WrittenFile {
    let file = try AtomicFile(path(of: name))
    try bytes.withBytes(file.write)
    return try file.commit()
  }

  /// Copies a file byte for byte, in pieces.
  ///
  /// - Throws: as `write`, and `.unreadable` or `.truncatedData` for the source.
  public func copy(_ source: String, as name: String) throws(HybridizeError) -> WrittenFile {
    let input = try HostFile(source)
    let output = try AtomicFile(path(of: name))
    let piece = OwnedBytes(count: min(input.size, 4 << 20))
    while output.byteCount < input.size {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(input.size - output.byteCount))
      try input.read(at: output.byteCount, into: part)
      try output.write(UnsafeRawBufferPointer(part))
    }
    return try output.commit()
  }

  /// Makes all files durable and puts the directory in its place.
  ///
  /// - Throws: `.cannotWrite`; `.outputExists` if something has appeared there meanwhile.
  /// - Precondition: called once.
  public func commit() throws(HybridizeError) {
    precondition(isOpen, "a directory is committed once")
    journal?.remove()
    try DirectoryTree.sync(buildPath)
    try AtomicRename.rename(buildPath, to: path, replacing: false)
    isOpen = false
    try AtomicRename.sync(FileSystem.directory(of: path))
  }
}

/// A directory with all that is in it. Links are never followed.
package enum DirectoryTree {
  /// Removes it, as far as the system lets us.
  package static func remove(_ path: String) {
    if isLink(path) || !FileSystem.isDirectory(path) {
      unlink(path)
      return
    }
    for name in (try? FileSystem.list(path)) ?? [] { remove(FileSystem.join(path, name)) }
    rmdir(path)
  }

  /// - Throws: `.cannotWrite`.
  static func sync(_ path: String) throws(HybridizeError) {
    if isLink(path) { return }
    if FileSystem.isDirectory(path) {
      for name in try FileSystem.list(path) { try sync(FileSystem.join(path, name)) }
    }
    try AtomicRename.sync(path)
  }

  private static func isLink(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFLNK
  }
}

extension Array where Element == UInt8 {
  /// `withUnsafeBytes` with a typed error.
  package func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(HybridizeError) -> Result
  ) throws(HybridizeError) -> Result {
    try withUnsafeBufferPointer { (buffer) throws(HybridizeError) in try body(UnsafeRawBufferPointer(buffer)) }
  }
}
