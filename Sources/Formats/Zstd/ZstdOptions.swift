/// How to compress.
public struct ZstdOptions: Sendable, Hashable {
  public static let levels = 1...19

  /// Weights gain next to nothing above 1.
  public let level: Int
  /// How many frames are compressed at once, at most 8. The bytes of the file do not depend on it.
  public let threads: Int
  /// Puts like bytes of the elements together, which makes files smaller and keeps other programs from reading
  /// them: what `zstd -d` makes of the file is no safetensors file.
  public let isShuffled: Bool

  /// - Precondition: `level` is one of `levels`, and `threads` is positive.
  public init(level: Int = 1, threads: Int = 1, isShuffled: Bool = false) {
    precondition(Self.levels.contains(level), "no level \(level)")
    precondition(threads > 0, "compression takes a thread")
    self.level = level
    self.threads = min(threads, 8)
    self.isShuffled = isShuffled
  }
}
