import HybridizeCompute
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `time` under a name that members called `time` do not hide.
private func clockSeconds(_ seconds: inout time_t) { time(&seconds) }

extension BenchmarkReport.Machine {
  /// This machine and a backend on it.
  public init(_ backend: any Backend, processors: [Int]? = nil, limits: MachineLimits? = nil) {
    self.init(
      processor: Self.processorName, threads: backend.threads, backend: "\(backend.name), \(backend.details)",
      time: Self.now, processors: processors, limits: limits)
  }

  /// As the system names it. The file has no size that could be read before, so it is read by lines.
  private static var processorName: String {
    guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown processor" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") {
        return String(text[text.index(after: colon)...].drop { $0 == " " }.prefix { $0 != "\n" })
      }
    }
    return "unknown processor"
  }

  private static var now: String {
    var seconds = time_t()
    clockSeconds(&seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }
}
