#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Memory of this process.
public enum ProcessMemory {
  /// Makes `peakBytes` begin anew with what the process has now, where the system can do that.
  public static func resetPeak() {
    #if os(Linux)
      let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { return }
      // 5 stands for the peak alone.
      _ = write(file, "5", 1)
      close(file)
    #endif
  }

  /// The largest amount of memory that the process has had.
  public static var peakBytes: Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Int(usage.ru_maxrss) * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss)
    #endif
  }
}
