import HybridizeCore
import HybridizeFormats

/// How a text file holds its documents.
package enum TextForm: UInt32, Sendable {
  /// One document.
  case plain = 0
  /// A document a line, `{"text": …}`.
  case lines = 1

  /// By the name: `.jsonl` has lines, anything else is plain; `.zst` behind it does not count.
  package init(path: String) {
    self = (path.hasSuffix(".zst") ? String(path.dropLast(4)) : path).hasSuffix(".jsonl") ? .lines : .plain
  }
}

/// A text file in pieces, from its beginning on, in little memory whatever the file holds.
///
/// A `.jsonl` file has a document a line, an object with a string `text`; what else the object has is ignored, and blank
/// lines are skipped. Any other file is one document: blank lines in it part paragraphs, and a model is to learn how one
/// follows on another. It comes in stretches of about 64 KiB that are cut where words part, so that the ids of the
/// stretches are those of the whole. Both may be compressed with zstd, with `.zst` behind their name.
package struct TextReader {
  /// A line that is longer is no document that somebody wrote.
  package static let longestLine = 16 << 20
  /// A stretch of a plain text has at least so many bytes, unless it is the last, and at most twice as many.
  package static let stretch = 64 << 10

  package let form: TextForm
  private let stream: ByteStream
  private let buffer = OwnedBytes(count: 256 << 10)
  /// What has been read, from `start` on not handed out.
  private var pending: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// The number of the line that begins at `start`, as editors count.
  private var line = 1

  /// - Throws: `.unreadable`.
  package init(_ path: String) throws(HybridizeError) {
    form = TextForm(path: path)
    stream = try ByteStream(path)
  }

  /// Bytes of the file.
  package var size: Int { stream.size }
  /// How many of them have been read.
  package var offset: Int { stream.offset }

  /// The next piece; `nil` at the end.
  ///
  /// - Throws: what `ByteStream.next` throws, and `.lineTooLong`, with the number of the line.
  package mutating func next() throws(HybridizeError) -> TextPiece? {
    switch form {
    case .plain: try nextStretch()
    case .lines: try nextLine()
    }
  }

  // MARK: Lines

  private mutating func nextLine() throws(HybridizeError) -> TextPiece? {
    while let bytes = try lineBytes() {
      defer { line += 1 }
      if !bytes.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { return piece(bytes, endsDocument: true) }
    }
    return nil
  }

  /// The bytes up to the next line end, which is stepped over; `nil` at the end.
  private mutating func lineBytes() throws(HybridizeError) -> ArraySlice<UInt8>? {
    var searched = 0
    while true {
      if let end = pending[(start + searched)...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return pending[start..<end]
      }
      searched = pending.count - start
      guard searched <= Self.longestLine else {
        throw HybridizeError(
          .lineTooLong, file: place, expected: "at most \(Self.longestLine) bytes", remedy: "part the document")
      }
      if isAtEnd {
        defer { start = pending.count }
        return searched > 0 ? pending[start...] : nil
      }
      try fill()
    }
  }

  // MARK: Stretches

  private mutating func nextStretch() throws(HybridizeError) -> TextPiece? {
    while !isAtEnd, pending.count - start <= 2 * Self.stretch { try fill() }
    guard start < pending.count else { return nil }
    let isLast = pending.count - start <= 2 * Self.stretch
    let bytes = pending[start..<(isLast ? pending.count : cut())]
    start = bytes.endIndex
    defer { line += bytes.count { $0 == UInt8(ascii: "\n") } }
    return piece(bytes, endsDocument: isLast)
  }

  /// Where the stretch ends that begins at `start`: before a space or after a line end that parts two words, as no token of
  /// a text goes across either; in a text without such places anywhere between two characters.
  private func cut() -> Int {
    let places = start + Self.stretch...start + 2 * Self.stretch
    func isSign(_ index: Int) -> Bool { (0x21...0x7E).contains(pending[index]) }
    if let space = places.first(where: { pending[$0] == 0x20 && isSign($0 - 1) }) { return space }
    func isSpace(_ index: Int) -> Bool { pending[index] == 0x20 || (0x09...0x0D).contains(pending[index]) }
    if let end = places.first(where: { pending[$0 - 1] == 0x0A && !isSpace($0 - 2) && !isSpace($0) }) { return end }
    // A character has at most three bytes that are not its first.
    return places.prefix(4).first { pending[$0] & 0xC0 != 0x80 } ?? places.lowerBound
  }

  // MARK: Bytes

  /// Reads on.
  private mutating func fill() throws(HybridizeError) {
    pending.removeFirst(start)
    start = 0
    do throws(HybridizeError) {
      let count = try stream.next(into: buffer.bytes)
      pending += buffer.bytes[..<count]
      isAtEnd = count == 0
    } catch {
      var located = error
      located.file = place
      throw located
    }
  }

  private func piece(_ bytes: ArraySlice<UInt8>, endsDocument: Bool) -> TextPiece {
    TextPiece(bytes: Array(bytes), endsDocument: endsDocument, form: form, path: stream.path, line: line)
  }

  private var place: String { TextPiece.place(stream.path, line) }
}

/// A document of a text file, or a stretch of one, that nobody has looked into.
package struct TextPiece: Sendable {
  package let bytes: [UInt8]
  /// Whether a document ends with it.
  package let endsDocument: Bool
  fileprivate let form: TextForm
  fileprivate let path: String
  /// The number of its first line.
  fileprivate let line: Int

  /// The text of the piece.
  ///
  /// - Throws: `.invalidUTF8`, `.notADocument`, JSON problems, with the number of the line.
  package func text() throws(HybridizeError) -> String {
    switch form {
    case .plain: try plainText()
    case .lines:
      try located { () throws(HybridizeError) in
        guard let text = try JSONCursor.parse(bytes).objectValue?["text"]?.stringValue else {
          throw HybridizeError(.notADocument, expected: "an object with a string \"text\"")
        }
        return text
      }
    }
  }

  /// Does something with the piece, and puts its place into an error that names no file.
  package func located<Result>(_ body: () throws(HybridizeError) -> Result) throws(HybridizeError) -> Result {
    do throws(HybridizeError) { return try body() } catch { throw error.inFile(Self.place(path, line)) }
  }

  private func plainText() throws(HybridizeError) -> String {
    do {
      return String(copying: try UTF8Span(validating: bytes.span))
    } catch {
      let bad = error.byteOffsets.lowerBound
      let lines = bytes[..<bad].count { $0 == UInt8(ascii: "\n") }
      throw HybridizeError(.invalidUTF8, file: Self.place(path, line + lines))
    }
  }

  fileprivate static func place(_ path: String, _ line: Int) -> String { "\(path), line \(line)" }
}

extension Problem {
  public static let lineTooLong = Problem("lineTooLong", .inputFile, "a line is longer than a document may be")
}
