import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Text to judge models on, as token ids.
public enum TextDocuments {
  /// The evaluation protocol's documents: each cut to its first `length` tokens, shorter ones skipped, nothing added
  /// in front, at most `limit` of them.
  ///
  /// A `.jsonl` file has a document a line, `{"text": …}`; any other file is one text, cut into consecutive
  /// pieces of `length` tokens.
  ///
  /// - Throws: reading and JSON errors with the line, `.noDocuments` if nothing is long enough.
  public static func read(
    _ path: String, tokenizer: Tokenizer, length: Int, limit: Int
  ) throws(HybridizeError) -> [[Int]] {
    let bytes = try FileSystem.read(path, limit: 4 << 30)
    let documents =
      path.hasSuffix(".jsonl")
      ? try lines(bytes, path, tokenizer, length, limit) : try pieces(bytes, path, tokenizer, length, limit)
    guard !documents.isEmpty else {
      throw HybridizeError(
        .noDocuments, file: path, expected: "at least one document of \(length) tokens", found: "none",
        remedy: "give a longer text or a smaller length")
    }
    return documents
  }

  private static func lines(
    _ bytes: [UInt8], _ path: String, _ tokenizer: Tokenizer, _ length: Int, _ limit: Int
  ) throws(HybridizeError) -> [[Int]] {
    var documents: [[Int]] = []
    // Empty lines count, so that the numbers are those of an editor.
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() where !line.allSatisfy(Self.isSpace) {
      guard documents.count < limit else { break }
      do throws(HybridizeError) {
        guard let text = try JSONCursor.parse(Array(line)).objectValue?["text"]?.stringValue else {
          throw HybridizeError(.notADocument, expected: "an object with a string \"text\"")
        }
        let ids = tokenizer.encode(text)
        if ids.count >= length { documents.append(Array(ids.prefix(length))) }
      } catch { throw error.inFile("\(path), line \(number + 1)") }
    }
    return documents
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0D].contains(byte) }

  private static func pieces(
    _ bytes: [UInt8], _ path: String, _ tokenizer: Tokenizer, _ length: Int, _ limit: Int
  ) throws(HybridizeError) -> [[Int]] {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw HybridizeError(.invalidUTF8, file: path) }
    let ids = tokenizer.encode(text)
    return (0..<min(limit, ids.count / length)).map { Array(ids[$0 * length..<($0 + 1) * length]) }
  }
}

extension Problem {
  public static let noDocuments = Problem("noDocuments", .inputFile, "the text holds no document that is long enough")
  public static let notADocument = Problem("notADocument", .inputFile, "a line is not a document")
}
