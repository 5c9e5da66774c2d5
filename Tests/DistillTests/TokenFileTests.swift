import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport
import Testing

/// A file of which anything differs from what was written is made anew. Files are damaged where they lie, once as a disk
/// damages them, once as somebody who knows the format does, with a digest that is right.
@Suite("a damaged token file")
struct TokenFileTests {
  let texts: LetterTexts
  let text: String
  /// The file as it was written.
  let original: [UInt8]
  private static let documents = ["abc", "z", "hello", "aaaaaaaaa"]

  init() throws {
    texts = try LetterTexts()
    text = texts.write("a.jsonl", Self.documents)
    _ = try texts.cache().tokens(of: text)
    original = texts.scratch.bytes(texts.file)
  }

  /// The bytes with the digest that belongs to them.
  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    let content = Array(bytes.dropLast(64))
    return content + Array(content.withUnsafeBytes { SHA256.hash($0) }.utf8)
  }

  /// Puts a file in the place of the token file and expects that it is not believed.
  private func expectRenewal(_ bytes: [UInt8], _ what: String) throws {
    guard bytes != original else { return }
    texts.scratch.write(texts.file, bytes)
    let file = try texts.cache().tokens(of: text)
    #expect(texts.scratch.bytes(texts.file) == original, "\(what)")
    #expect(LetterTexts.documents(file) == Self.documents.map(LetterTexts.ids), "\(what)")
    #expect(texts.scratch.entries("cache").count == 1, "\(what)")
  }

  @Test("in any byte is made anew")
  func bytes() throws {
    var random = SeededGenerator(seed: 1, stream: "damage")
    for place in stride(from: 0, to: original.count, by: 4) {
      var bytes = original
      let place = min(place + random.index(below: 4), original.count - 1)
      bytes[place] ^= 1 << random.index(below: 8)
      try expectRenewal(bytes, "byte \(place)")
    }
  }

  @Test("that ends early or late is made anew")
  func length() throws {
    for count in stride(from: 0, to: original.count, by: 13) {
      try expectRenewal(Array(original.prefix(count)), "\(count) bytes")
      try expectRenewal(Array(original.dropFirst(count)), "without \(count) bytes")
    }
    try expectRenewal(original + [0], "a byte more")
    try expectRenewal(original + original, "twice")
  }

  struct Field: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// From where the description begins.
    let place: Int
    let byteCount: Int
    let values: [UInt64]

    init(_ name: String, at place: Int, _ byteCount: Int, _ values: [UInt64]) {
      testDescription = name
      self.place = place
      self.byteCount = byteCount
      self.values = values
    }
  }

  private static let large: [UInt64] = [1 << 31, 1 << 32, 1 << 56, 1 << 62, 1 << 63, .max - 7, .max]
  static let fields = [
    Field("magic", at: 0, 8, [0]), Field("version", at: 8, 4, [0, 1, 3]),
    Field("bytes an id", at: 12, 4, [0, 1, 3, 4, 8]),
    Field("documents", at: 16, 8, [0, 1, 3, 5] + large), Field("tokens", at: 24, 8, [0, 1, 20, 21, 23, 24] + large),
    Field("form", at: 32, 8, [0, 2]), Field("bytes of the text", at: 40, 8, [0, 1] + large),
    Field("end of a document", at: 48, 8, [0, 28] + large), Field("the text", at: 56, 8, [0]),
    Field("the tokenizer", at: 120, 8, [0]),
    // The table before the description has the ends 4, 6, 12 and 22.
    Field("end of the first document", at: -32, 8, [0, 6, 7, 22, 23] + large),
    Field("end of the last but one", at: -16, 8, [0, 5, 6, 22, 23] + large),
    Field("end of the last", at: -8, 8, [0, 12, 21, 23] + large),
    Field("an id", at: -32 - 48, 2, [30, 65_535]),
  ]

  @Test("with another number in a field and the digest that belongs to it is made anew", arguments: fields)
  func field(_ field: Field) throws {
    let description = original.count - 64 - 184
    #expect(Array(original[description..<description + 8]) == Array("HYTOKENS".utf8))
    for value in field.values {
      var bytes = original
      let place = description + field.place
      bytes.replaceSubrange(place..<place + field.byteCount, with: value.littleEndianBytes.prefix(field.byteCount))
      #expect(bytes != original)
      try expectRenewal(Self.sealed(bytes), "\(value)")
    }
  }

  @Test("of another text under this name is made anew")
  func foreign() throws {
    let other = try LetterTexts()
    _ = try other.tokens("a.jsonl", ["abc", "z", "hello", "aaaaaaaab"])
    try expectRenewal(other.scratch.bytes(other.file), "another text")
    try expectRenewal(Array("something else".utf8), "no token file")
    try expectRenewal([], "an empty file")
  }

  @Test("of which nobody finished the writing is not seen")
  func unfinished() throws {
    let path = texts.scratch.path(texts.file)
    let identity = try FileSystem.identity(path)
    let name = FileSystem.name(of: path)
    texts.scratch.write("cache/.\(name).partial-00000000", Array(original.prefix(50)))
    _ = try texts.cache().tokens(of: text)
    #expect(try FileSystem.identity(path) == identity)
  }

  @Test("goes on to be read where it was when another takes its place")
  func replaced() throws {
    let file = try texts.cache().tokens(of: text)
    let other = try AtomicFile(texts.scratch.path(texts.file), replacing: true)
    try Array("other bytes".utf8).withUnsafeBytes { try other.write($0) }
    _ = try other.commit()
    #expect(LetterTexts.documents(file) == Self.documents.map(LetterTexts.ids))
  }
}
