import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A whole file mapped read-only. Pages are read when they are touched, so mapping costs no time and no memory.
///
/// The size is the one at opening. A file that another process shortens while it is mapped makes access to the
/// lost pages fail with a bus error, which no program can turn into an error of its own: readers that must
/// survive this use `HostFile.read`.
public final class FileMap: @unchecked Sendable {  // the bytes are never written to
  /// The file's bytes, valid as long as this value lives.
  public let bytes: UnsafeRawBufferPointer
  private let file: HostFile

  /// - Throws: `.unreadable` if the system refuses the map.
  public init(_ file: HostFile) throws(HybridizeError) {
    self.file = file
    guard file.size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0), start != MAP_FAILED else {
      throw FileSystem.unreadable(file.path)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: file.size)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }
}
