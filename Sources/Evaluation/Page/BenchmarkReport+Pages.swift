import HybridizeCore
import HybridizeFormats

extension BenchmarkReport {
  /// One HTML page that needs nothing beside it.
  public var html: String { BenchmarkPage(self).html }

  /// Tokens a second against context, as an SVG drawing that stands by itself.
  public var plot: String { BenchmarkPlots(self).svg }

  /// Finds out before long work whether a file can be written at its end.
  ///
  /// - Throws: `.cannotWrite`.
  public static func checkWritable(_ path: String) throws(HybridizeError) {
    _ = try AtomicFile(path, replacing: true)
  }
}
