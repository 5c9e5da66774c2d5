import HybridizeCore

/// A text in pieces, from its beginning on, in little memory whatever its files hold.
///
/// - **JSON lines** (`.jsonl`, `.ndjson`): an object a line with a string under the key; what else the object has is
///   ignored, and blank lines are skipped.
/// - **JSON** (`.json`): one array of such objects or of strings, or such objects one after the other, each on as many
///   lines as it likes.
/// - **Plain text** (`.txt`, `.md`, any other name): one document; blank lines in it part paragraphs, and a model is to
///   learn how one follows on another. It comes in stretches of about 64 KiB that are cut where words part, so that the ids
///   of the stretches are those of the whole.
///
/// A file whose name does not promise JSON and whose first line is an object with a string under the key is JSON lines all the same;
/// where the name says nothing, any object will do, and an array of them. All may be compressed (`ByteStream`). A byte
/// order mark is no text.
package struct TextReader {
  /// A line or value that is longer is taken for damage, not for a document.
  package static let longestLine = 16 << 20
  /// A stretch of a plain text has at least so many bytes, unless it is the last, and at most twice as many.
  package static let stretch = 64 << 10

  private let source: TextSource
  private var nextFile = 0
  private var file: TextFileReader?
  /// Bytes of the files that have been read to their end.
  private var before = 0

  package init(_ source: TextSource) { self.source = source }

  /// Bytes of all files.
  package var size: Int { source.size }
  /// How many of them have been read.
  package var offset: Int { before + (file?.offset ?? 0) }
  /// What is being read, and as what, for a progress line.
  package var place: String? { file?.description }

  /// The next piece; `nil` at the end.
  ///
  /// - Throws: `.unreadable`; what `ByteStream.next` throws, `.notText`, `.lineTooLong`, `.jsonSyntax` and `.notADocument`,
  ///   with the number of the line.
  package mutating func next() throws(HybridizeError) -> TextPiece? {
    while true {
      if file == nil {
        guard nextFile < source.files.count else { return nil }
        file = try TextFileReader(source.files[nextFile], key: source.key)
        nextFile += 1
      }
      if let piece = try file?.next() { return piece }
      before += file?.offset ?? 0
      file = nil
    }
  }
}

/// The same of one file.
struct TextFileReader {
  private let key: String
  private let stream: ByteStream
  private let buffer = OwnedBytes(count: 256 << 10)
  /// What has been read, from `start` on not handed out.
  private var pending: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// What is wrong behind `pending`, found when the beginning was looked at.
  private var failure: HybridizeError?
  /// The number of the line that begins or goes on at `start`, as editors count.
  private var line = 1
  private var known: TextForm?
  private var values = JSONValueWalk()
  /// Whether nothing has been handed out.
  private var isFresh = true

  /// - Throws: `.unreadable`.
  init(_ file: TextFile, key: String) throws(HybridizeError) {
    self.key = key
    stream = try ByteStream(file.open())
  }

  var offset: Int { stream.offset }

  var description: String? { known.map { "\(ErrorText.escape(FileSystem.name(of: stream.path))), \($0.words)" } }

  mutating func next() throws(HybridizeError) -> TextPiece? {
    defer { isFresh = false }
    return switch try form() {
    case .plain: try nextStretch()
    case .lines: try nextLine()
    case .values: try nextValue()
    }
  }

  // MARK: The beginning

  /// What the file is, by name and content.
  ///
  /// - Throws: as `TextReader.next`.
  mutating func form() throws(HybridizeError) -> TextForm {
    if let known { return known }
    while !isAtEnd, failure == nil, pending.count < ForeignFile.startBytes {
      // What comes before damage is read all the same.
      do throws(HybridizeError) { try append() } catch { failure = error }
    }
    try ForeignFile.check(pending[...], stream.path)
    // A byte order mark.
    if pending.starts(with: [0xEF, 0xBB, 0xBF]) { start += 3 }
    let found = try findForm()
    known = found
    return found
  }

  private mutating func findForm() throws(HybridizeError) -> TextForm {
    let named = TextForm(name: stream.path)
    if let named, named != .plain { return named }
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let first = pending[start...].firstIndex(where: { !isSpace($0) }),
      [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(pending[first])
    else { return .plain }
    func isDocument(_ bytes: ArraySlice<UInt8>?) -> Bool {
      guard let object = bytes.flatMap({ try? JSONCursor.parse(Array($0)) })?.objectValue else { return false }
      return named == nil || object[key]?.stringValue != nil
    }
    if pending[first] == UInt8(ascii: "{"), isDocument(try line(from: first)) { return .lines }
    return isDocument(try value(from: first)) ? .values : .plain
  }

  /// The line that goes on at a place, which is left where it is; `nil` if it is too long to be one.
  private mutating func line(from first: Int) throws(HybridizeError) -> ArraySlice<UInt8>? {
    while true {
      if let end = pending[first...].firstIndex(of: UInt8(ascii: "\n")) { return pending[first..<end] }
      if isAtEnd { return pending[first...] }
      guard pending.count - first <= TextReader.longestLine else { return nil }
      try append()
    }
  }

  /// The first value of what stands at a place, which is left where it is.
  private mutating func value(from first: Int) throws(HybridizeError) -> ArraySlice<UInt8>? {
    var walk = JSONValueWalk()
    var place = first
    while true {
      switch walk.next(pending[...], &place) {
      case .value(let range): return pending[range]
      case .wrong: return nil
      case .more:
        guard !isAtEnd, pending.count - first <= TextReader.longestLine else { return nil }
        try append()
      }
    }
  }

  // MARK: Lines

  private mutating func nextLine() throws(HybridizeError) -> TextPiece? {
    while var bytes = try lineBytes() {
      defer { line += 1 }
      // Files that were put one behind the other have a mark each.
      if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
      if !bytes.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { return piece(bytes, begins: true, ends: true) }
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
      guard searched <= TextReader.longestLine else { throw tooLong("line") }
      if isAtEnd {
        defer { start = pending.count }
        return searched > 0 ? pending[start...] : nil
      }
      try fill()
    }
  }

  private func tooLong(_ what: String) -> HybridizeError {
    HybridizeError(
      .lineTooLong, file: place, expected: "at most \(TextReader.longestLine) bytes a \(what)",
      remedy: "part the document")
  }

  // MARK: Values

  private mutating func nextValue() throws(HybridizeError) -> TextPiece? {
    while true {
      let before = start
      let found = values.next(pending[...], &start)
      switch found {
      case .value(let range):
        line += Self.lineEnds(pending[before..<range.lowerBound])
        defer { line += Self.lineEnds(pending[range]) }
        return piece(pending[range], begins: true, ends: true)
      case .more where !isAtEnd:
        line += Self.lineEnds(pending[before..<start])
        guard pending.count - start <= TextReader.longestLine else { throw tooLong("document") }
        try fill()
      case .more:
        line += Self.lineEnds(pending[before..<start])
        if values.isComplete { return nil }
        throw HybridizeError(
          .jsonSyntax, file: place, expected: "the end of what begins here", found: "the end of the file")
      case .wrong(let expected):
        line += Self.lineEnds(pending[before..<start])
        let byte = Unicode.Scalar(pending[start])
        throw HybridizeError(
          .notADocument, file: place, expected: expected,
          found: byte.isASCII ? "'\(Character(byte))'" : "a byte of \(pending[start])",
          remedy: "give an array of objects, objects one after the other, or a plain text with the name .txt")
      }
    }
  }

  private static func lineEnds(_ bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 == UInt8(ascii: "\n") } }

  // MARK: Stretches

  private mutating func nextStretch() throws(HybridizeError) -> TextPiece? {
    while !isAtEnd, pending.count - start <= 2 * TextReader.stretch { try fill() }
    guard start < pending.count else { return nil }
    let isLast = pending.count - start <= 2 * TextReader.stretch
    let bytes = pending[start..<(isLast ? pending.count : cut())]
    start = bytes.endIndex
    defer { line += Self.lineEnds(bytes) }
    return piece(bytes, begins: isFresh, ends: isLast)
  }

  /// Where the stretch ends that begins at `start`: before a space or after a line end that parts two words, as no token of
  /// a text goes across either; in a text without such places anywhere between two characters.
  private func cut() -> Int {
    let places = start + TextReader.stretch...start + 2 * TextReader.stretch
    func isSign(_ index: Int) -> Bool { (0x21...0x7E).contains(pending[index]) }
    if let space = places.first(where: { pending[$0] == 0x20 && isSign($0 - 1) }) { return space }
    func isSpace(_ index: Int) -> Bool { pending[index] == 0x20 || (0x09...0x0D).contains(pending[index]) }
    if let end = places.first(where: { pending[$0 - 1] == 0x0A && !isSpace($0 - 2) && !isSpace($0) }) { return end }
    // A character has at most three bytes that are not its first.
    return places.prefix(4).first { pending[$0] & 0xC0 != 0x80 } ?? places.lowerBound
  }

  // MARK: Bytes

  /// Reads on, and forgets what has been handed out.
  private mutating func fill() throws(HybridizeError) {
    pending.removeFirst(start)
    start = 0
    try append()
  }

  private mutating func append() throws(HybridizeError) {
    do throws(HybridizeError) {
      if let failure { throw failure }
      let count = try stream.next(into: buffer.bytes)
      pending += buffer.bytes[..<count]
      isAtEnd = count == 0
    } catch {
      var located = error
      located.file = place
      throw located
    }
  }

  private func piece(_ bytes: ArraySlice<UInt8>, begins: Bool, ends: Bool) -> TextPiece {
    TextPiece(
      bytes: Array(bytes), beginsDocument: begins, endsDocument: ends, form: known ?? .plain, key: key,
      path: stream.path, line: line)
  }

  private var place: String { TextPiece.place(stream.path, line) }
}

extension Problem {
  public static let lineTooLong = Problem("lineTooLong", .inputFile, "a line is longer than a document may be")
}
