import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// A folder of texts that have been tokenised for a model, each once.
public struct TokenCache: Sendable {
  private let folder: String
  private let tokenizer: Tokenizer
  private let vocabularySize: Int
  private let endOfText: Int?
  private let threads: Int
  private let progress: Progress

  /// - Parameters:
  ///   - folder: where token files lie. It exists; any number of models may share it.
  ///   - tokenizer: of the model.
  ///   - configuration: of the model. The first of its end tokens follows each document, if it has one.
  ///   - threads: to tokenise with.
  public init(
    folder: String, tokenizer: Tokenizer, configuration: ModelConfiguration, threads: Int, progress: Progress = .silent
  ) {
    self.folder = folder
    self.tokenizer = tokenizer
    vocabularySize = configuration.vocabularySize
    endOfText = configuration.endTokens.first
    self.threads = threads
    self.progress = progress
  }

  /// The tokens of a text, from the folder if they are there, undamaged and of the very same text, tokenizer and end
  /// token.
  ///
  /// What its documents are, `TextReader` says; an empty one is none. A plain text is one: its paragraphs are not parted, and
  /// the end token stands behind the last. It is shuffled and mixed in stretches of about 64 KiB, which count as
  /// documents.
  ///
  /// - Throws: what reading the text throws, with the line; `.noDocuments`; `.tokenOutOfRange` for a tokenizer or an end
  ///   token that is not the model's; `.cannotWrite`.
  public func tokens(of text: TextSource) throws(HybridizeError) -> TokenFile {
    if let endOfText { try check([endOfText]) }
    let origin = try TokenOrigin(text: text, tokenizer: tokenizer, endOfText: endOfText)
    let path = FileSystem.join(folder, origin.name)
    // Tokens beyond the vocabulary come from a model with the same tokenizer: tokenising says in which line.
    if let found = try? TokenFile(path, of: origin), found.largestID < vocabularySize { return found }
    try tokenize(text, origin, to: path)
    return try TokenFile(path, of: origin)
  }

  private func check(_ ids: [Int]) throws(HybridizeError) {
    if let id = ids.first(where: { !(0..<vocabularySize).contains($0) }) {
      throw HybridizeError(.tokenOutOfRange, expected: "0 to \(vocabularySize - 1)", found: "\(id)")
    }
  }

  private func tokenize(_ text: TextSource, _ origin: TokenOrigin, to path: String) throws(HybridizeError) {
    let idBytes = vocabularySize <= 1 << 16 ? 2 : 4
    var reader = TextReader(text)
    let writer = try TokenFileWriter(path, of: origin, idBytes: idBytes)
    let pool = try ThreadPool(threads: threads)
    let shares = (0..<threads).map { _ in Share() }
    var place: String?
    while true {
      for share in shares { try share.fill(from: &reader) }
      place = reader.place ?? place
      guard !shares[0].isEmpty else { break }
      pool.run(shares.count) { item, _ in
        shares[item].tokenize { (piece, memory) throws(HybridizeError) in try pack(piece, &memory, idBytes) }
      }
      for share in shares {
        for document in try share.documents.get() where !document.isEmpty { try writer.append(document) }
      }
      progress.report("tokenize", done: reader.offset, of: reader.size, detail: place)
    }
    guard !writer.isEmpty else {
      throw HybridizeError(.noDocuments, file: text.name, expected: "at least one document", found: "none")
    }
    try writer.commit()
  }

  /// The ids of a piece, as they are written; nothing if there are none.
  private func pack(
    _ piece: TextPiece, _ memory: inout WordMemory, _ idBytes: Int
  ) throws(HybridizeError) -> [UInt8] {
    var ids = try tokenizer.encode(piece, memory: &memory)
    try piece.located { () throws(HybridizeError) in try check(ids) }
    // A tokenizer that ends documents itself has put the token there already.
    if !ids.isEmpty, piece.endsDocument, let endOfText, tokenizer.frame.after.last != endOfText {
      ids.append(endOfText)
    }
    return TokenFileWriter.packed(ids, idBytes: idBytes)
  }

  /// Consecutive pieces of a text, which one thread tokenises.
  private final class Share {
    private static let byteCount = 512 << 10
    private var pieces: [TextPiece] = []
    /// Lives on from pieces to pieces.
    private var memory = WordMemory()
    private(set) var documents: Result<[[UInt8]], HybridizeError> = .success([])

    var isEmpty: Bool { pieces.isEmpty }

    func fill(from reader: inout TextReader) throws(HybridizeError) {
      pieces = []
      var byteCount = 0
      while byteCount < Self.byteCount, let piece = try reader.next() {
        pieces.append(piece)
        byteCount += piece.bytes.count
      }
    }

    func tokenize(_ pack: (TextPiece, inout WordMemory) throws(HybridizeError) -> [UInt8]) {
      documents = Result { () throws(HybridizeError) in
        var documents: [[UInt8]] = []
        for piece in pieces { documents.append(try pack(piece, &memory)) }
        return documents
      }
    }
  }
}
