import FuzzSupport
import HybridizeCore
import HybridizeFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The entry of libFuzzer: scripts/libfuzzer.sh builds and runs it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  // One file a process, in memory where the system has such a place.
  let path = "/tmp/hybridize-libfuzzer-\(getpid())"
  guard let file = fopen(path, "wb") else { return 0 }
  fwrite(start, 1, count, file)
  fclose(file)
  do throws(HybridizeError) {
    try Reading.readAll(path)
  } catch {
    precondition(error.category == .inputFile, "a fault of the input is reported as another")
  }
  unlink(path)
  return 0
}
