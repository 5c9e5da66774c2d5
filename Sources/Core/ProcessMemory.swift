#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Memory of this process.
public enum ProcessMemory {
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
