import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Storage {
  /// Uninitialised memory for kernels, 64-byte aligned. Large memory comes from the system as zero pages that
  /// cost nothing before they are written, aligned to huge pages where there are such.
  ///
  /// - Precondition: the system has the memory.
  static func allocate(byteCount: Int) -> Storage {
    byteCount > largeByteCount ? mapped(byteCount) : small(byteCount)
  }

  private static let largeByteCount = 4 << 20
  private static let hugePage = 2 << 20

  private static func small(_ byteCount: Int) -> Storage {
    var address: UnsafeMutableRawPointer?
    let failed = posix_memalign(&address, 64, max(byteCount, 64))
    guard failed == 0, let address else { preconditionFailure("no memory for \(byteCount) bytes") }
    return Storage(address: address, byteCount: byteCount) { free($0) }
  }

  private static func mapped(_ byteCount: Int) -> Storage {
    let length = byteCount + hugePage
    let region = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymous, -1, 0)
    guard let region, region != MAP_FAILED else { preconditionFailure("no memory for \(byteCount) bytes") }
    let shift = (hugePage - Int(bitPattern: region) % hugePage) % hugePage
    let address = region + shift
    #if os(Linux)
      madvise(address, byteCount, MADV_HUGEPAGE)
    #endif
    return Storage(address: address, byteCount: byteCount) { munmap($0 - shift, length) }
  }

  private static var anonymous: Int32 {
    #if os(Linux)
      Int32(MAP_ANONYMOUS) | Int32(MAP_NORESERVE)
    #else
      MAP_ANON
    #endif
  }
}
