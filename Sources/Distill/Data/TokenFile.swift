import HybridizeCore
import HybridizeFormats

/// A text as the ids of its tokens, document by document, mapped from a file that is made once.
///
/// All numbers are little-endian. What describes the file stands at its end, as it is known only then:
///
/// | bytes | |
/// |---|---|
/// | tokens x 2 or 4 | ids, documents one after the other |
/// | 0 to 6 | zeros, up to a multiple of 8 |
/// | documents x 8 | where each document ends, in tokens |
/// | 8 | `HYTOKENS` |
/// | 4, 4 | version; bytes an id |
/// | 8, 8 | documents; tokens |
/// | 8, 8, 8 | form of the text (3: several files), its bytes, id of the end of a document or -1 |
/// | 64, 64 | SHA-256 of the text and of the tokenizer, in digits |
/// | 64 | SHA-256 of all bytes before, in digits |
public final class TokenFile: Sendable {
  public let path: String
  public let documentCount: Int
  public let tokenCount: Int
  /// SHA-256 of the file without its last 64 bytes, which are these digits.
  let digest: String
  let largestID: Int
  /// Whether the text is one document, in stretches.
  public let isOneDocument: Bool
  private let map: FileMap
  private let idBytes: Int

  /// Maps a file and reads it through once: nothing in it is believed that has not been checked.
  ///
  /// - Throws: `.tokenFileInvalid`, with what is wrong; `.unreadable`.
  init(_ path: String, of origin: TokenOrigin) throws(HybridizeError) {
    self.path = path
    map = try FileMap(HostFile(path))
    let description = try TokenFileDescription(map.bytes, of: origin, path)
    documentCount = description.documents
    tokenCount = description.tokens
    idBytes = description.idBytes
    digest = description.digest
    isOneDocument = origin.text.form == TextForm.plain.rawValue
    largestID =
      idBytes == 2
      ? Self.largest(map.bytes, tokenCount, UInt16.self) : Self.largest(map.bytes, tokenCount, UInt32.self)
    var end = 0
    for document in 0..<documentCount {
      let next = tokens(of: document).upperBound
      guard next > end else { throw Self.invalid(path, "a document that ends before it begins") }
      end = next
    }
    guard end == tokenCount else { throw Self.invalid(path, "documents of \(end) tokens of \(tokenCount)") }
  }

  static func invalid(_ path: String, _ found: String) -> HybridizeError {
    HybridizeError(.tokenFileInvalid, file: path, found: found)
  }

  private static func largest<ID: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ count: Int, _: ID.Type
  ) -> Int {
    var largest: ID = 0
    for index in 0..<count { largest = max(largest, id(bytes, index)) }
    return Int(largest)
  }

  private static func id<ID: FixedWidthInteger & BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> ID {
    ID(littleEndian: bytes.load(fromByteOffset: index * MemoryLayout<ID>.stride, as: ID.self))
  }

  /// Where the tokens of a document are among all tokens.
  ///
  /// - Precondition: there is such a document.
  func tokens(of document: Int) -> Range<Int> {
    precondition((0..<documentCount).contains(document), "document \(document) of \(documentCount)")
    let ends = TokenFileDescription.endsOffset(tokens: tokenCount, idBytes: idBytes)
    func end(_ document: Int) -> Int {
      let end = map.bytes.load(fromByteOffset: ends + 8 * document, as: UInt64.self)
      return Int(truncatingIfNeeded: UInt64(littleEndian: end))
    }
    let start = document == 0 ? 0 : end(document - 1)
    return start..<max(start, end(document))
  }

  /// Appends the ids of some tokens.
  ///
  /// - Precondition: there are such tokens.
  func append(_ tokens: Range<Int>, to ids: inout [Int]) {
    precondition(tokens.lowerBound >= 0 && tokens.upperBound <= tokenCount, "tokens \(tokens) of \(tokenCount)")
    if idBytes == 2 {
      for index in tokens { ids.append(Int(Self.id(map.bytes, index) as UInt16)) }
    } else {
      for index in tokens { ids.append(Int(Self.id(map.bytes, index) as UInt32)) }
    }
  }
}

/// The end of a token file, found to be that of this file and of this origin.
struct TokenFileDescription {
  static let version: UInt32 = 2
  private static let digestBytes = 64
  /// Without the digest.
  private static let byteCount = 56 + 2 * digestBytes

  let documents: Int
  let tokens: Int
  let idBytes: Int
  let digest: String

  init(_ file: UnsafeRawBufferPointer, of origin: TokenOrigin, _ path: String) throws(HybridizeError) {
    let end = file.count - Self.digestBytes
    guard end >= Self.byteCount else { throw TokenFile.invalid(path, "\(file.count) bytes") }
    let found = Array(file[end - Self.byteCount..<end])
    idBytes = Int(found[12..<16].littleEndianValue)
    guard idBytes == 2 || idBytes == 4 else { throw TokenFile.invalid(path, "ids of \(idBytes) bytes") }
    let counts = (found[16..<24].littleEndianValue, found[24..<32].littleEndianValue)
    // So that no product of them overflows; the size of the file bounds them further.
    guard counts.0 <= UInt32.max, counts.1 < 1 << 56 else {
      throw TokenFile.invalid(path, "\(counts.0) documents, \(counts.1) tokens")
    }
    (documents, tokens) = (Int(counts.0), Int(counts.1))
    guard Self.endsOffset(tokens: tokens, idBytes: idBytes) + 8 * documents == end - Self.byteCount else {
      throw TokenFile.invalid(path, "\(file.count) bytes for \(documents) documents of \(tokens) tokens")
    }
    guard found == Self.bytes(origin, idBytes: idBytes, documents: documents, tokens: tokens) else {
      throw TokenFile.invalid(path, "another text, tokenizer, end of a document or version")
    }
    digest = SHA256.hash(UnsafeRawBufferPointer(rebasing: file[..<end]))
    guard digest.utf8.elementsEqual(file[end...]) else {
      throw TokenFile.invalid(path, "bytes that are not those that were written")
    }
  }

  /// Where the ends of the documents begin.
  static func endsOffset(tokens: Int, idBytes: Int) -> Int { (tokens * idBytes + 7) / 8 * 8 }

  static func bytes(_ origin: TokenOrigin, idBytes: Int, documents: Int, tokens: Int) -> [UInt8] {
    Array("HYTOKENS".utf8) + version.littleEndianBytes + UInt32(idBytes).littleEndianBytes
      + UInt64(documents).littleEndianBytes + UInt64(tokens).littleEndianBytes + origin.bytes
  }
}

extension Problem {
  static let tokenFileInvalid = Problem("tokenFileInvalid", .inputFile, "not a token file of this text")
}
