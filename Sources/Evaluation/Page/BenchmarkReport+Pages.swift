import HybridizeCore
import HybridizeFormats

extension BenchmarkReport {
  /// One HTML page that needs nothing beside it.
  public var html: String { BenchmarkPage(self).html }

  /// Tokens a second against context, as an SVG drawing that stands by itself.
  public var plot: String { BenchmarkPlots(self).svg }

  /// Writes a page or a drawing, whole or not at all; one that is there is replaced.
  ///
  /// - Throws: `.cannotWrite`.
  public static func write(_ text: String, to path: String) throws(HybridizeError) {
    let file = try AtomicFile(path, replacing: true)
    try Array(text.utf8).withBytes(file.write)
    _ = try file.commit()
  }

  /// Finds out before long work whether a file can be written at its end.
  ///
  /// - Throws: `.cannotWrite`.
  public static func checkWritable(_ path: String) throws(HybridizeError) {
    _ = try AtomicFile(path, replacing: true)
  }
}
