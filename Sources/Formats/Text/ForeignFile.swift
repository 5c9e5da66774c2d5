import HybridizeCore

/// Files that people give in the place of a text, known by their first bytes, each with a way to make a text of it.
enum ForeignFile {
  /// Bytes that are enough to know one.
  static let startBytes = 512

  private static let kinds: [(name: String, start: [UInt8], remedy: @Sendable (String) -> String)] = [
    ("Parquet", Array("PAR1".utf8), parquetRemedy),
    ("Arrow", Array("ARROW1".utf8), { "python -c \"\(pandas)read_feather('\($0)')\(toLines)\"" }),
    // The form that `datasets` caches in: a length of 32 bits that is none, then the schema.
    ("Arrow", [0xFF, 0xFF, 0xFF, 0xFF], arrowRemedy),
    ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], { "xz -dk '\($0)', and give what it makes" }),
    ("bzip2", Array("BZh91AY&SY".utf8), { "bunzip2 -k '\($0)', and give what it makes" }),
    ("LZ4", [0x04, 0x22, 0x4D, 0x18], { "lz4 -dk '\($0)', and give what it makes" }),
    ("a zip archive", [0x50, 0x4B, 0x03, 0x04], { "unzip '\($0)', and give the folder" }),
    ("PDF", Array("%PDF-".utf8), { "pdftotext '\($0)', and give what it makes" }),
    ("HDF5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], { _ in "give a text" }),
    ("compressed twice", GzipStream.magic, { _ in "unpack the file, and give what it holds" }),
    (
      "compressed twice", ZstdFrameHeader.dataMagic.littleEndianBytes,
      { _ in "unpack the file, and give what it holds" }
    ),
  ]

  private static let pandas = "import pandas; pandas."
  private static let toLines = ".to_json('out.jsonl', orient='records', lines=True)"

  static func parquetRemedy(_ path: String) -> String { "python -c \"\(pandas)read_parquet('\(path)')\(toLines)\"" }

  static func arrowRemedy(_ path: String) -> String {
    "python -c \"import datasets; datasets.Dataset.from_file('\(path)').to_json('out.jsonl')\""
  }

  /// - Parameter start: the first bytes of the content, `startBytes` of them if there are as many.
  /// - Throws: `.notText`.
  static func check(_ start: ArraySlice<UInt8>, _ path: String) throws(HybridizeError) {
    if let encoding = encoding(start) {
      throw HybridizeError(
        .notText, file: path, expected: "UTF-8", found: encoding,
        remedy: "iconv -f \(encoding) -t UTF-8 '\(path)' > out.txt")
    }
    if let kind = kinds.first(where: { start.starts(with: $0.start) }) {
      throw HybridizeError(
        .notText, file: path, expected: "JSON lines, JSON or plain text", found: kind.name, remedy: kind.remedy(path))
    }
    if start.dropFirst(257).starts(with: Array("ustar".utf8)) {
      throw HybridizeError(
        .notText, file: path, expected: "JSON lines, JSON or plain text", found: "a tar archive",
        remedy: "tar -xf '\(path)', and give the folder")
    }
    guard !start.contains(0) else {
      throw HybridizeError(
        .notText, file: path, expected: "JSON lines, JSON or plain text", found: "bytes that are zero",
        remedy: "give a text: this is something else")
    }
  }

  /// The name of an encoding of 16 or 32 bits, by its mark or by the zeros that every second byte is.
  private static func encoding(_ start: ArraySlice<UInt8>) -> String? {
    if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) { return "UTF-32" }
    if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
    let sample = Array(start.prefix(64))
    guard sample.count >= 8 else { return nil }
    func isZero(_ places: [Int]) -> Bool { sample.indices.allSatisfy { !places.contains($0 % 4) || sample[$0] == 0 } }
    let zeros = (0..<4).filter { isZero([$0]) }
    return switch zeros {
    case [1, 3]: "UTF-16LE"
    case [0, 2]: "UTF-16BE"
    case [1, 2, 3]: "UTF-32LE"
    case [0, 1, 2]: "UTF-32BE"
    default: nil
    }
  }
}

extension Problem {
  public static let notText = Problem("notText", .inputFile, "the file is not text as it is read here")
}
