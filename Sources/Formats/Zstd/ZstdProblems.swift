import HybridizeCore

/// What can be wrong with a zstd file, whatever it holds.
extension Problem {
  public static let zstdForeignBytes = Problem(
    "zstdForeignBytes", .inputFile, "there are bytes where a zstd frame should begin")
  public static let zstdFrameInvalid = Problem("zstdFrameInvalid", .inputFile, "a zstd frame is not well-formed")
  public static let zstdDamaged = Problem("zstdDamaged", .inputFile, "the compressed data is damaged")
  public static let zstdSizeClaim = Problem(
    "zstdSizeClaim", .inputFile, "a zstd frame claims a size that its bytes cannot hold")
  public static let zstdOutOfProportion = Problem(
    "zstdOutOfProportion", .inputFile, "the file decompresses to far more than such files hold")
  public static let zstdWindowTooLarge = Problem(
    "zstdWindowTooLarge", .inputFile, "a zstd frame asks for more memory than readers grant")
  public static let zstdNeedsDictionary = Problem(
    "zstdNeedsDictionary", .inputFile, "a zstd frame needs a dictionary that is not in the file")
  public static let zstdTooManyFrames = Problem(
    "zstdTooManyFrames", .inputFile, "the file has more zstd frames than readers accept")
  public static let zstdSeekTable = Problem("zstdSeekTable", .inputFile, "the seek table contradicts the file")
  public static let zstdShuffleInvalid = Problem(
    "zstdShuffleInvalid", .inputFile, "the file is not laid out as shuffled files are")
}
