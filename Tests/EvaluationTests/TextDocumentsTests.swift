import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("documents of a text")
struct TextDocumentsTests {
  let scratch = TemporaryDirectory()
  let tokenizer: Tokenizer

  init() throws { tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model) }

  private func read(_ path: String, length: Int = 4, limit: Int = 100) throws -> [[Int]] {
    try TextDocuments.read(path, tokenizer: tokenizer, length: length, limit: limit)
  }

  static let long = "One day a little fox ran down the hill and never came back"

  @Test("lines are documents: cut to the length, shorter ones skipped, nothing added")
  func lines() throws {
    let path = scratch.write(
      "a.jsonl",
      #"{"text": "\#(Self.long)"}"# + "\n" + #"{"text": "One"}"# + "\n" + #"{"id": 1, "text": "He \#(Self.long)"}"#)
    let expected = try [Self.long, "He " + Self.long].map { Array(try tokenizer.encode($0).prefix(4)) }
    #expect(try read(path) == expected)
    #expect(try read(path, limit: 1) == [expected[0]])
  }

  @Test("empty lines and line ends of other systems are no documents")
  func emptyLines() throws {
    let line = #"{"text": "\#(Self.long)"}"#
    let path = scratch.write("a.jsonl", "\n\r\n" + line + "\r\n \t\n" + line + "\n\n")
    #expect(try read(path).count == 2)
  }

  @Test("any other file is one text in consecutive pieces")
  func pieces() throws {
    let ids = try tokenizer.encode(Self.long)
    let path = scratch.write("a.txt", Self.long)
    #expect(try read(path) == (0..<ids.count / 4).map { Array(ids[$0 * 4..<$0 * 4 + 4]) })
    #expect(try read(path, limit: 2).count == 2)
    #expect(try read(path, length: ids.count) == [ids])
  }

  @Test("a plain text has the same pieces however it is read, as many as asked for")
  func stretches() throws {
    let text = String(repeating: Self.long + "\n\n", count: 8000)
    let ids = try tokenizer.encode(text)
    let expected = (0..<ids.count / 100).map { Array(ids[$0 * 100..<$0 * 100 + 100]) }
    let path = scratch.write("a.txt", text)
    #expect(try read(path, length: 100, limit: .max) == expected)
    #expect(try read(path, length: 100, limit: 700) == Array(expected.prefix(700)))
    let whole = try read(path, length: ids.count, limit: 3)
    #expect(whole == [ids])
  }

  @Test("the ids of the stretches of a text are the ids of the whole", arguments: [Fixtures.model, Fixtures.hybrid])
  func ids(_ model: String) throws {
    let tokenizer = try ModelDirectory.tokenizer(at: model)
    for seed in 2..<6 as Range<UInt64> {
      let text = Self.prose(400_000, seed: seed)
      var reader = try TextReader(scratch.write("a.txt", text))
      var found: [TextPiece] = []
      while let piece = try reader.next() { found.append(piece) }
      #expect(found.count > 2)
      #expect(try found.flatMap { try tokenizer.encode(try $0.text()) } == tokenizer.encode(text))
    }
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

  @Test("documents of several files are theirs: a plain text does not go on in the next")
  func folder() throws {
    let folder = scratch.makeDirectory("folder")
    scratch.write("folder/a.txt", Self.long)
    scratch.write("folder/b.md", Self.long)
    scratch.write("folder/c.json", #"[{"text": "\#(Self.long)"}, "\#(Self.long)"]"#)
    let ids = try tokenizer.encode(Self.long)
    // Something is left over at the end of a file.
    let length = try #require((3...5).first { ids.count % $0 > 0 })
    let pieces = (0..<ids.count / length).map { Array(ids[$0 * length..<($0 + 1) * length]) }
    let first = Array(ids.prefix(length))
    #expect(try read(folder, length: length) == pieces + pieces + [first, first])
    #expect(try read(folder + "/*.md", length: length) == pieces)
  }

  @Test("a byte order mark gives no token", arguments: ["a.txt", "a.jsonl", "a.json"])
  func mark(_ name: String) throws {
    let text = name.hasSuffix("txt") ? Self.long : #"{"text": "\#(Self.long)"}"#
    let expected = try read(scratch.write(name, text))
    #expect(try read(scratch.write(name, [0xEF, 0xBB, 0xBF] + Array(text.utf8))) == expected)
  }

  @Test("compressed texts are read like others, and no further than is needed", arguments: ["a.txt", "a.jsonl"])
  func compressed(_ name: String) throws {
    let text = name.hasSuffix("l") ? #"{"text": "\#(Self.long)"}"# + "\n" : Self.long
    let expected = try read(scratch.write(name, text))
    #expect(try read(scratch.write(name + ".GZ", GzipBytes.member(Array(text.utf8)))) == expected)
    let frame = ZstdBytes.frame(Array(text.utf8))
    #expect(try read(scratch.write(name + ".zst", frame)) == expected)
    let broken = scratch.write(name + ".zst", frame + [0, 0, 0, 0])
    if name.hasSuffix("l") {
      #expect(try read(broken, limit: 1) == Array(expected.prefix(1)))
    }
    expectProblem(.zstdForeignBytes) { try read(broken) }
  }

  @Test("a text without a document that is long enough is an error", arguments: ["a.txt", "a.jsonl"])
  func tooShort(_ name: String) throws {
    let path = scratch.write(name, name.hasSuffix("l") ? #"{"text": "\#(Self.long)"}"# : Self.long)
    let failure = expectProblem(.noDocuments) { try read(path, length: 1000) }
    #expect(failure?.file == path)
    #expect(failure?.expected?.contains("1000 tokens") == true)
  }

  struct BadLine: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let line: String
    let problem: Problem
  }

  static let badLines = [
    BadLine(testDescription: "no JSON", line: "text", problem: .jsonSyntax),
    BadLine(testDescription: "no object", line: "[1]", problem: .notADocument),
    BadLine(testDescription: "no text", line: #"{"words": "a"}"#, problem: .notADocument),
    BadLine(testDescription: "a text that is a number", line: #"{"text": 1}"#, problem: .notADocument),
  ]

  @Test("a line that is no document is named by the number that an editor shows", arguments: badLines)
  func badLine(_ bad: BadLine) throws {
    let path = scratch.write("a.jsonl", "{\"text\": \"a\"}\n\n\n\(bad.line)\n{\"text\": \"b\"}\n")
    #expect(expectProblem(bad.problem) { try read(path) }?.file == path + ", line 4")
  }

  @Test("bytes that are no UTF-8 are an error", arguments: ["a.txt", "a.jsonl"])
  func notUTF8(_ name: String) throws {
    let bytes = Array(#"{"text": ""#.utf8) + [0xFF, 0x22, 0x7D]
    let failure = expectProblem(.invalidUTF8) { try read(scratch.write(name, bytes)) }
    #expect(failure?.file?.hasPrefix(scratch.path(name)) == true)
  }

  @Test("a text that is not there is an error")
  func missing() {
    #expect(expectProblem(.unreadable) { try read(scratch.path("nowhere.txt")) }?.file == scratch.path("nowhere.txt"))
  }
}
