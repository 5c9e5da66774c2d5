import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A regular file, open for reading. The descriptor lives as long as the value.
public final class HostFile: Sendable {
  public let path: String
  /// Bytes at the time of opening; reads never go past it.
  public let size: Int
  let descriptor: Int32

  /// - Throws: `.unreadable` for what cannot be opened and for what is no regular file.
  public init(_ path: String) throws(HybridizeError) {
    // Without O_NONBLOCK a pipe would make open wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileSystem.unreadable(path) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let found = info.st_mode & S_IFMT == S_IFDIR ? "a directory" : "no regular file"
      throw HybridizeError(.unreadable, file: path, expected: "a regular file", found: found)
    }
    self.path = path
    self.descriptor = descriptor
    self.size = Int(info.st_size)
  }

  /// Takes over a descriptor of a regular file.
  ///
  /// - Parameter path: what messages call it.
  /// - Throws: `.unreadable`.
  init(descriptor: Int32, path: String) throws(HybridizeError) {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else {
      let code = errno
      close(descriptor)
      throw HybridizeError(.unreadable, file: path, found: FileSystem.errorText(code))
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(info.st_size)
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Throws: `.truncatedData` if the file ends before, `.unreadable`.
  /// - Precondition: `offset` is not negative.
  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    try Self.read(descriptor, path, at: offset, into: buffer)
  }

  /// The same for any descriptor.
  static func read(
    _ descriptor: Int32, _ path: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    precondition(offset >= 0, "negative offset")
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw FileSystem.unreadable(path)
      }
      guard count > 0 else {
        throw HybridizeError(
          .truncatedData, file: path, offset: offset + done, expected: "\(buffer.count - done) more bytes",
          found: "the end of the file")
      }
      done += count
    }
  }

  /// `count` bytes from `offset` on.
  ///
  /// - Throws: `.truncatedData`, before anything is allocated where the size at opening tells; `.unreadable`.
  /// - Precondition: neither number is negative.
  public func read(at offset: Int, count: Int) throws(HybridizeError) -> [UInt8] {
    guard offset <= size, count <= size - offset else {
      throw HybridizeError(
        .truncatedData, file: path, offset: offset, expected: "\(count) bytes", found: "\(max(0, size - offset)) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(HybridizeError) in
      try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }
}

extension Problem {
  public static let truncatedData = Problem("truncatedData", .inputFile, "the file ends before its data does")
}
