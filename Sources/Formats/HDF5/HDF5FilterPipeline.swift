import HybridizeCore

/// The filters that a dataset's chunks went through, in the order of writing.
struct HDF5FilterPipeline: Sendable {
  enum Filter: Sendable, Equatable {
    case deflate
    /// The bytes of elements of this size, byte by byte of significance.
    case shuffle(elementSize: Int)
    case fletcher32
    case zstandard
    case lzf

    var isCompressor: Bool { self == .deflate || self == .zstandard || self == .lzf }
  }

  private(set) var filters: [Filter] = []

  init() {}

  init(_ filters: [Filter]) { self.filters = filters }

  /// - Throws: `.hdf5UnknownFilter`, `.hdf5Unsupported`, `.hdf5Truncated`.
  init(_ message: HDF5Cursor) throws(HybridizeError) {
    var cursor = message
    let version = try cursor.expect("filter pipeline version", in: 1...2)
    let count = try cursor.expect("number of filters", in: 0...32)
    if version == 1 { try cursor.skip(6) }
    for _ in 0..<count { filters.append(try Self.filter(&cursor, version: version)) }
    // With one compressor the size before every step is known, and output can be bounded exactly.
    guard filters.count(where: \.isCompressor) <= 1 else {
      throw HybridizeError(
        .hdf5Unsupported, offset: message.offset, expected: "one compressor", found: "several, one after the other")
    }
  }

  private static func filter(_ cursor: inout HDF5Cursor, version: Int) throws(HybridizeError) -> Filter {
    let start = cursor.offset
    let identifier = try cursor.integer(2)
    let nameLength = version == 1 || identifier >= 256 ? try cursor.integer(2) : 0
    try cursor.skip(2)
    let valueCount = try cursor.integer(2)
    let name = try cursor.take(nameLength)
    if version == 1 { try cursor.skip((8 - nameLength % 8) % 8) }
    var values: [Int] = []
    for _ in 0..<valueCount { values.append(try cursor.integer(4)) }
    if version == 1, valueCount % 2 == 1 { try cursor.skip(4) }
    switch identifier {
    case 1: return .deflate
    case 2:
      guard let size = values.first, size > 0 else { throw cursor.corrupt("an element size for shuffling", "none") }
      return .shuffle(elementSize: size)
    case 3: return .fletcher32
    case 32000: return .lzf
    case 32015: return .zstandard
    default:
      throw HybridizeError(
        .hdf5UnknownFilter, offset: start,
        expected: "deflate (1), shuffle (2), Fletcher-32 (3), LZF (32000) or Zstandard (32015)",
        found: "filter \(identifier)" + (known[identifier] ?? quoted(name)),
        remedy: "rewrite the file without it, for instance with h5repack")
    }
  }

  private static let known = [
    4: " (szip)", 5: " (n-bit)", 6: " (scale-offset)", 32001: " (Blosc)", 32004: " (LZ4)",
    32008: " (bitshuffle)", 32013: " (ZFP)", 32026: " (Blosc2)",
  ]

  private static func quoted(_ name: [UInt8]) -> String {
    let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    return text.isEmpty ? "" : " (\(text))"
  }
}
