import HybridizeCore

/// Sizes on the command line: `5GB`, `500MB`, `1GiB`, `1000000`.
enum ByteSize {
  private static let units = [
    ("KIB", 1 << 10), ("MIB", 1 << 20), ("GIB", 1 << 30), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ("B", 1), ("", 1),
  ]

  /// - Throws: `.badArgument` for what is no size of at least a byte.
  static func parse(_ text: String) throws(HybridizeError) -> Int {
    let upper = text.uppercased()
    for (unit, factor) in units where upper.hasSuffix(unit) {
      if let number = Int(upper.dropLast(unit.count)), number > 0 {
        return try CheckedMath.multiply(number, factor)
      }
    }
    throw HybridizeError(.badArgument, expected: "a size like 5GB, 500MB or 1GiB", found: text)
  }
}
