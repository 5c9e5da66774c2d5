import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Standard input as a file, so that it can be read more than once.
package enum SpooledInput {
  /// What messages call it.
  package static let name = "standard input"
  /// What comes without end is not kept without end.
  package static let usualLimit = 256 << 30

  /// Reads a descriptor to its end into a file that has no name any more, so that nothing of it is left whatever happens. A
  /// regular file that is read from its beginning is taken as it is.
  ///
  /// - Throws: `.unreadable`, also for a terminal; `.fileTooLarge`; `.cannotWrite`.
  package static func open(_ descriptor: Int32 = STDIN_FILENO, limit: Int = usualLimit) throws(HybridizeError)
    -> HostFile
  {
    guard isatty(descriptor) == 0 else {
      throw HybridizeError(
        .unreadable, file: name, expected: "a text", found: "a terminal", remedy: "give one: … --text - < FILE")
    }
    var info = stat()
    if fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG, lseek(descriptor, 0, SEEK_CUR) == 0 {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw FileSystem.unreadable(name) }
      return try HostFile(descriptor: copy, path: name)
    }
    return try spool(descriptor, limit)
  }

  private static func spool(_ source: Int32, _ limit: Int) throws(HybridizeError) -> HostFile {
    let target = try makeFile()
    let buffer = OwnedBytes(count: 1 << 20)
    var total = 0
    do throws(HybridizeError) {
      while true {
        let count = read(source, buffer.bytes.baseAddress, buffer.bytes.count)
        if count < 0 {
          if errno == EINTR { continue }
          throw FileSystem.unreadable(name)
        }
        guard count > 0 else { break }
        total += count
        guard total <= limit else {
          throw HybridizeError(.fileTooLarge, file: name, expected: "at most \(limit) bytes", found: "more")
        }
        try write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]), to: target)
      }
    } catch {
      close(target)
      throw error
    }
    return try HostFile(descriptor: target, path: name)
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to target: Int32) throws(HybridizeError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Glibc)
        let count = Glibc.write(target, part.baseAddress, part.count)
      #else
        let count = Darwin.write(target, part.baseAddress, part.count)
      #endif
      if count < 0 {
        if errno == EINTR { continue }
        throw HybridizeError(
          .cannotWrite, file: folder, found: FileSystem.errorText(errno),
          remedy: "\(name) is kept there while it is read: set TMPDIR to where there is room")
      }
      rest = rest.dropFirst(count)
    }
  }

  private static var folder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

  private static func makeFile() throws(HybridizeError) -> Int32 {
    var template = Array(FileSystem.join(folder, "hybridize-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw HybridizeError(.cannotWrite, file: folder, found: FileSystem.errorText(errno))
    }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }
}
