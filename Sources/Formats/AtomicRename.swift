import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A value of `errno`.
struct ErrorNumber: Error {
  let code: Int32

  init(_ code: Int32) { self.code = code }
}

/// The steps that `AtomicFile` and `AtomicDirectory` share.
package enum AtomicRename {
  /// Makes something new beside `path`, under a name that nobody else has.
  ///
  /// - Parameter make: makes it, or throws `EEXIST` to be asked again with another name.
  /// - Throws: `.cannotWrite`, naming `path`.
  static func makeSibling<Made>(
    of path: String, _ make: (String) throws(ErrorNumber) -> Made
  ) throws(HybridizeError) -> (String, Made) {
    let directory = FileSystem.directory(of: path)
    while true {
      let random = (0..<4).map { _ in hexadecimal(UInt8.random(in: 0...255)) }.joined()
      let sibling = FileSystem.join(directory, siblingName(FileSystem.name(of: path), random))
      do throws(ErrorNumber) {
        return (sibling, try make(sibling))
      } catch {
        if error.code == EEXIST { continue }
        throw cannotMake(path, error.code)
      }
    }
  }

  /// The sibling of `path` that everybody with the same key uses.
  static func sibling(of path: String, key: String) -> String {
    FileSystem.join(FileSystem.directory(of: path), siblingName(FileSystem.name(of: path), key))
  }

  static func cannotMake(_ path: String, _ code: Int32) -> HybridizeError {
    var error = cannotWrite(path, code)
    if code == ENOENT { error.remedy = "make the directory \(FileSystem.directory(of: path)) first" }
    return error
  }

  /// - Throws: `.outputExists`.
  package static func checkFree(_ path: String) throws(HybridizeError) {
    if FileSystem.isOccupied(path) { throw exists(path) }
  }

  /// Renames in one step, never over something that is there unless `replacing`.
  ///
  /// - Throws: `.outputExists`, `.cannotWrite`.
  static func rename(_ old: String, to new: String, replacing: Bool) throws(HybridizeError) {
    guard !replacing else {
      guard plainRename(old, new) == 0 else { throw cannotWrite(new, errno) }
      return
    }
    guard renameExclusively(old, new) != 0 else { return }
    switch errno {
    case EEXIST: throw exists(new)
    case EINVAL, ENOSYS, ENOTSUP: try renameByClaim(old, to: new)
    case let code: throw cannotWrite(new, code)
    }
  }

  /// Renames for file systems without an exclusive rename (some network ones): takes the name with something
  /// empty, which only one process can, and renames over that. Others may see the empty thing for a moment.
  ///
  /// - Throws: `.outputExists`, `.cannotWrite`.
  package static func renameByClaim(_ old: String, to new: String) throws(HybridizeError) {
    let isDirectory = FileSystem.isDirectory(old)
    let claim =
      isDirectory ? mkdir(new, 0o777) : open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard claim >= 0 else { throw errno == EEXIST ? exists(new) : cannotWrite(new, errno) }
    if !isDirectory { close(claim) }
    guard plainRename(old, new) == 0 else {
      let code = errno
      // The rename has just failed, so what is there is still the empty thing.
      if isDirectory { rmdir(new) } else { unlink(new) }
      throw cannotWrite(new, code)
    }
  }

  /// Makes the directory's entries durable.
  ///
  /// - Throws: `.cannotWrite`.
  static func sync(_ path: String) throws(HybridizeError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw cannotWrite(path, errno) }
    defer { close(descriptor) }
    // Some file systems cannot sync a directory and need not.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw cannotWrite(path, errno) }
  }

  static func cannotWrite(_ path: String, _ code: Int32) -> HybridizeError {
    HybridizeError(.cannotWrite, file: path, found: FileSystem.errorText(code))
  }

  private static func exists(_ path: String) -> HybridizeError {
    HybridizeError(.outputExists, file: path, remedy: "choose another path, or remove what is there")
  }

  /// A long name is cut, by whole characters, to leave room for the rest.
  private static func siblingName(_ name: String, _ key: String) -> String {
    var stem = name
    while stem.utf8.count > 200 { stem.removeLast() }
    return ".\(stem).partial-\(key)"
  }

  #if canImport(Glibc)
    private typealias RenameAt2 =
      @convention(c) (CInt, UnsafePointer<CChar>, CInt, UnsafePointer<CChar>, CUnsignedInt) -> CInt

    /// Looked up, because its header does not declare it for Swift and old C libraries do not have it.
    private static let renameAt2 = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: RenameAt2.self) }

    private static func renameExclusively(_ old: String, _ new: String) -> Int32 {
      guard let renameAt2 else {
        errno = ENOSYS
        return -1
      }
      return renameAt2(AT_FDCWD, old, AT_FDCWD, new, 1)  // RENAME_NOREPLACE
    }

    private static func plainRename(_ old: String, _ new: String) -> Int32 { Glibc.rename(old, new) }
  #else
    private static func renameExclusively(_ old: String, _ new: String) -> Int32 {
      renamex_np(old, new, UInt32(RENAME_EXCL))
    }

    private static func plainRename(_ old: String, _ new: String) -> Int32 { Darwin.rename(old, new) }
  #endif
}
