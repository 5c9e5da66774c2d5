import FuzzSupport
import HybridizeCore
import HybridizeFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The package manager calls a program's main function by the name of its module; libFuzzer's own has another.
@_cdecl("libfuzzer_main")
public func start(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var (count, arguments) = (count, arguments)
  return runDriver(&count, &arguments, fuzzOneInput)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// One case: scripts/libfuzzer.sh builds and runs it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  // One file a process, in memory where the system has such a place.
  let path = "/tmp/hybridize-libfuzzer-\(getpid())"
  guard let file = fopen(path, "wb") else { return 0 }
  fwrite(bytes, 1, count, file)
  fclose(file)
  let readers: [(String) throws(HybridizeError) -> Void] = [Reading.readAll, Reading.readText, Reading.readTemplate]
  for read in readers {
    do throws(HybridizeError) {
      try read(path)
    } catch {
      precondition(error.category == .inputFile, "a fault of the input is reported as another")
    }
  }
  unlink(path)
  return 0
}
