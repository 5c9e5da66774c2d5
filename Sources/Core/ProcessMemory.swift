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

  /// Memory that the process has at present; `nil` where the system does not tell.
  public static var residentBytes: Int? {
    #if os(Linux)
      guard let file = fopen("/proc/self/statm", "r") else { return nil }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 256)
      guard fgets(&line, 256, file) != nil else { return nil }
      let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      // Pages: all, and those in memory.
      let numbers = String(decoding: text, as: UTF8.self).split(separator: " ")
      return numbers.count > 1 ? Int(numbers[1]).map { $0 * sysconf(Int32(_SC_PAGESIZE)) } : nil
    #else
      var info = mach_task_basic_info()
      var count = mach_msg_type_number_t(MemoryLayout<mach_task_basic_info>.size / MemoryLayout<natural_t>.size)
      let result = withUnsafeMutablePointer(to: &info) { info in
        info.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
          task_info(mach_task_self_, task_flavor_t(MACH_TASK_BASIC_INFO), $0, &count)
        }
      }
      return result == KERN_SUCCESS ? Int(info.resident_size) : nil
    #endif
  }
}
