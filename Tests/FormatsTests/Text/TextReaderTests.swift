import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a text in pieces")
struct TextReaderTests {
  let scratch = TemporaryDirectory()

  private func pieces(_ path: String) throws -> [TextPiece] {
    var reader = try TextReader(path)
    var pieces: [TextPiece] = []
    while let piece = try reader.next() { pieces.append(piece) }
    #expect(try reader.next() == nil, "the end stays the end")
    #expect(reader.offset == reader.size)
    return pieces
  }

  /// Words of random length and the white space that may part them, with words of other scripts among them.
  private static func prose(_ count: Int, seed: UInt64) -> String {
    var random = SeededGenerator(seed: seed, stream: "prose")
    var text = ""
    while text.utf8.count < count {
      let letters = ["etaoin", "ETÄÖ", "0123456789", "漢字。", ".,;-'\"", "\u{3000}é"][random.index(below: 6)]
      for _ in 0...random.index(below: 9) { text.append(Array(letters)[random.index(below: letters.count)]) }
      text += [" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\t ", " \n  "][random.index(below: 9)]
    }
    return text
  }

  @Test("lines are documents, read through the pieces that a file comes in", arguments: ["a.jsonl", "a.jsonl.zst"])
  func lines(_ name: String) throws {
    // Lines of no bytes to more than two pieces of a read.
    let texts = [0, 1, 700_000, 3, 262_130, 262_131, 262_132, 5].map { String(repeating: "é", count: $0) }
    let lines = texts.map { #"{"id": 7, "text": "\#($0)", "more": {"text": "no"}}"# }
    for end in ["", "\n"] {
      let bytes = Array((lines.joined(separator: "\n\r\n \n") + end).utf8)
      let found = try pieces(scratch.write(name, name.hasSuffix("zst") ? ZstdBytes.frame(bytes, claims: nil) : bytes))
      #expect(try found.map { try $0.text() } == texts)
      #expect(found.allSatisfy { $0.beginsDocument && $0.endsDocument && $0.form == .lines })
    }
  }

  @Test("a plain text comes in stretches that are it, cut between words", arguments: ["a.txt", "a.txt.zst", "a"])
  func stretches(_ name: String) throws {
    let text = Self.prose(700_000, seed: 1)
    let bytes = Array(text.utf8)
    let found = try pieces(scratch.write(name, name.hasSuffix("zst") ? ZstdBytes.frame(bytes, claims: nil) : bytes))
    #expect(try found.map { try $0.text() }.joined().utf8.elementsEqual(text.utf8))
    #expect(found.map(\.endsDocument) == found.map { _ in false }.dropLast() + [true])
    #expect(found.map(\.beginsDocument) == [true] + found.map { _ in false }.dropLast())
    for piece in found.dropLast() {
      #expect((TextReader.stretch...TextReader.stretch * 2).contains(piece.bytes.count))
    }
    for piece in found.dropFirst() { #expect(piece.bytes.first == 0x20) }
  }

  @Test("a text of the length of a stretch or two is whole", arguments: [1, 65_536, 65_537, 131_071, 131_072])
  func oneStretch(_ count: Int) throws {
    let found = try pieces(scratch.write("a.txt", [UInt8](repeating: 0x61, count: count)))
    #expect(found.map(\.bytes.count) == [count] && found[0].endsDocument)
  }

  @Test("a text without spaces is cut at line ends, one without these between characters", arguments: ["漢字。\n", "漢字𝄞"])
  func noSpaces(_ unit: String) throws {
    let text = String(repeating: unit, count: 400_000 / unit.utf8.count)
    let found = try pieces(scratch.write("a.txt", text))
    #expect(found.count > 2)
    #expect(try found.map { try $0.text() }.joined().utf8.elementsEqual(text.utf8))
    if unit.hasSuffix("\n") { #expect(found.allSatisfy { $0.bytes.last == 0x0A }) }
  }

  @Test("an empty file has no piece", arguments: ["a.txt", "a.jsonl", "a.txt.zst", "a.jsonl.zst"])
  func empty(_ name: String) throws {
    #expect(try pieces(scratch.write(name, "")).isEmpty)
    let blank = Array("\n \r\n\n".utf8)
    let found = try pieces(scratch.write(name, name.hasSuffix("zst") ? ZstdBytes.frame(blank) : blank))
    #expect(found.count == (name.hasPrefix("a.txt") ? 1 : 0))
  }

  struct Hostile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var name = "a.jsonl"
    let bytes: [UInt8]
    let problem: Problem
    let line: Int
  }

  static let good = Array("{\"text\": \"a\"}\n".utf8)
  static let goodFrame = ZstdBytes.frame(good + good)
  static let hostile = [
    Hostile(
      testDescription: "a line without an end", name: "a.jsonl.zst",
      bytes: goodFrame + ZstdBytes.repeated(0x61, 300 << 20, claims: nil), problem: .lineTooLong, line: 3),
    Hostile(
      testDescription: "a blank line without an end", name: "a.jsonl.zst",
      bytes: goodFrame + ZstdBytes.repeated(0x20, 300 << 20, claims: nil), problem: .lineTooLong, line: 3),
    Hostile(
      testDescription: "a cut zstd file", name: "a.jsonl.zst", bytes: goodFrame + goodFrame.dropLast(),
      problem: .truncatedData, line: 3),
    Hostile(
      testDescription: "a zstd bomb", name: "a.txt.zst",
      bytes: ZstdBytes.repeated(0x61, 300 << 20, after: [0x62, 0x0A, 0x0A], claims: nil),
      problem: .zstdOutOfProportion, line: 3),
    Hostile(
      testDescription: "bad JSON", bytes: good + good + Array("{\"text\": \"a}\n".utf8), problem: .jsonSyntax, line: 3),
    Hostile(
      testDescription: "no text", bytes: good + Array("\n{\"texts\": \"a\"}".utf8), problem: .notADocument, line: 3),
    Hostile(
      testDescription: "JSON too deep", bytes: Array("{\"text\": ".utf8) + [UInt8](repeating: 0x5B, count: 1 << 20),
      problem: .jsonTooDeep, line: 1),
    Hostile(
      testDescription: "half a surrogate pair", bytes: good + Array(#"{"text": "\ud800"}"#.utf8),
      problem: .jsonLoneSurrogate, line: 2),
    Hostile(
      testDescription: "a line that is no UTF-8", bytes: good + Array("{\"text\": \"".utf8) + [0xC3, 0x22, 0x7D],
      problem: .invalidUTF8, line: 2),
    Hostile(
      testDescription: "a text that is no UTF-8", name: "a.txt", bytes: Array("a\nb\n\nc".utf8) + [0xFF],
      problem: .invalidUTF8, line: 4),
    Hostile(
      testDescription: "a text that ends in no UTF-8 after some stretches", name: "a.txt",
      bytes: Array([[UInt8]](repeating: Array("word\n".utf8), count: 60_000).joined()) + [0xE6, 0xBC],
      problem: .invalidUTF8, line: 60_001),
    Hostile(
      testDescription: "bytes that begin no character", name: "a.txt", bytes: [UInt8](repeating: 0x80, count: 400_000),
      problem: .invalidUTF8, line: 1),
  ]

  @Test("what is no text is an error that names file and line", arguments: hostile)
  func refusal(_ text: Hostile) throws {
    let path = scratch.write(text.name, text.bytes)
    var reader = try TextReader(path)
    let failure = expectProblem(text.problem) { while let piece = try reader.next() { _ = try piece.text() } }
    #expect(failure?.file == "\(path), line \(text.line)")
  }
}
