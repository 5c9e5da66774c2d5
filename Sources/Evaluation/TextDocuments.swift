import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Text to judge models on, as token ids.
public enum TextDocuments {
  /// The evaluation protocol's documents: each cut to its first `length` tokens, shorter ones skipped, at most
  /// `limit` of them. What the tokenizer puts in front of a document counts as its first tokens.
  ///
  /// A plain text is cut into consecutive pieces of `length` tokens, what has documents is not (`TextReader`). No more is
  /// read than is needed.
  ///
  /// - Throws: reading and JSON errors with the line, `.noDocuments` if nothing is long enough.
  public static func read(
    _ text: TextSource, tokenizer: Tokenizer, length: Int, limit: Int
  ) throws(HybridizeError) -> [[Int]] {
    var reader = TextReader(text)
    var documents: [[Int]] = []
    var memory = WordMemory()
    // What a plain text has had so far and no document has.
    var ids: [Int] = []
    while documents.count < limit, let piece = try reader.next() {
      if piece.beginsDocument { ids = [] }
      ids += try tokenizer.encode(piece, memory: &memory)
      switch piece.form {
      case .lines, .values:
        if ids.count >= length { documents.append(Array(ids.prefix(length))) }
      case .plain:
        let count = min(ids.count / length, limit - documents.count)
        documents += (0..<count).map { Array(ids[$0 * length..<($0 + 1) * length]) }
        ids.removeFirst(count * length)
      }
    }
    guard !documents.isEmpty else {
      throw HybridizeError(
        .noDocuments, file: text.name, expected: "at least one document of \(length) tokens", found: "none",
        remedy: "give a longer text or a smaller length")
    }
    return documents
  }
}

extension Problem {
  public static let noDocuments = Problem("noDocuments", .inputFile, "the text holds no document that is long enough")
}
