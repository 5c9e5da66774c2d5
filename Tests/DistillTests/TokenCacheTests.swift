import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("texts that are tokenised once")
struct TokenCacheTests {
  let texts: LetterTexts

  init() throws { texts = try LetterTexts() }

  private static let documents = ["abc", "z", "hello", "aaaaaaaa"]

  @Test("each document is followed by the end token, the first of several")
  func endTokens() throws {
    for end in [.integer(LetterTexts.end), .array([.integer(LetterTexts.end), .integer(3)])] as [JSONValue] {
      let file = try texts.cache(end: end).tokens(of: texts.write("a.jsonl", Self.documents))
      #expect(file.documentCount == 4 && file.tokenCount == 3 + 1 + 5 + 8 + 4)
      #expect(LetterTexts.documents(file) == Self.documents.map(LetterTexts.ids))
    }
  }

  @Test("a model without an end token has documents without one")
  func noEndToken() throws {
    let file = try texts.cache(end: nil).tokens(of: texts.write("a.jsonl", Self.documents))
    #expect(LetterTexts.documents(file) == Self.documents.map { LetterTexts.ids($0).dropLast() })
  }

  @Test("a document without tokens is none")
  func emptyDocuments() throws {
    let file = try texts.tokens("a.jsonl", ["", "ab", "", "", "c", ""])
    #expect(LetterTexts.documents(file) == ["ab", "c"].map(LetterTexts.ids))
  }

  @Test("a plain text is one document in stretches, its end behind the last")
  func plainText() throws {
    let text = String(repeating: "ab\n\ncd ", count: 40_000)
    let file = try texts.cache().tokens(of: texts.scratch.write("a.txt", text))
    let found = LetterTexts.documents(file)
    #expect(found.count > 2 && found.count == file.documentCount)
    #expect(Array(found.joined()) == (0..<40_000).flatMap { _ in [0, 1, 2, 3] } + [LetterTexts.end])
  }

  @Test("ids of a real text are the tokenizer's, and the same bytes for any number of threads")
  func realText() throws {
    let lines = try FileSystem.read(Fixtures.text, limit: 1 << 24).split(separator: UInt8(ascii: "\n")).prefix(120)
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    let configuration = try ModelDirectory.readConfiguration(in: Fixtures.model)
    let text = texts.scratch.write("a.jsonl", Array(lines.joined(separator: [UInt8(ascii: "\n")])))
    var bytes: Set<[UInt8]> = []
    for threads in 1...3 {
      let folder = texts.scratch.makeDirectory("threads \(threads)")
      let cache = TokenCache(folder: folder, tokenizer: tokenizer, configuration: configuration, threads: threads)
      let found = LetterTexts.documents(try cache.tokens(of: text))
      let expected = try lines.map { line in
        let text = try JSONCursor.parse(Array(line)).objectValue?["text"]?.stringValue ?? ""
        return try tokenizer.encode(text) + configuration.endTokens.prefix(1)
      }
      #expect(found == expected)
      let name = try #require(texts.scratch.entries("threads \(threads)").first)
      bytes.insert(texts.scratch.bytes("threads \(threads)/\(name)"))
    }
    #expect(bytes.count == 1)
  }

  @Test("ids of a large vocabulary have four bytes", arguments: [65_536, 65_537])
  func wideIDs(_ vocabulary: Int) throws {
    let text = texts.write("a.jsonl", Self.documents)
    let file = try texts.cache(vocabulary: vocabulary, end: .integer(vocabulary - 1)).tokens(of: text)
    let expected: [[Int]] = Self.documents.map { LetterTexts.ids($0).dropLast() + [vocabulary - 1] }
    #expect(LetterTexts.documents(file) == expected)
  }

  @Test("a text is known by its bytes: a copy elsewhere is found, a changed one is not")
  func identity() throws {
    let cache = try texts.cache()
    let first = try cache.tokens(of: texts.write("a.jsonl", Self.documents))
    let identity = try FileSystem.identity(first.path)
    let copy = texts.scratch.makeDirectory("elsewhere") + "/b.jsonl"
    texts.scratch.write("elsewhere/b.jsonl", texts.scratch.bytes("a.jsonl"))
    #expect(try cache.tokens(of: copy).path == first.path)
    #expect(try FileSystem.identity(first.path) == identity, "it has not been written again")

    texts.scratch.write("elsewhere/b.jsonl", texts.scratch.bytes("a.jsonl") + [0x0A])
    #expect(try cache.tokens(of: copy).path != first.path)
    // The same bytes are another text under another key, and lines by another name are the same.
    #expect(try cache.tokens(of: texts.scratch.write("a.txt", texts.scratch.bytes("a.jsonl"))).path == first.path)
    let both = texts.scratch.write("both.jsonl", #"{"text": "ab", "body": "cde"}"#)
    let (text, body) = (try TextSource(both), try TextSource(both, key: "body"))
    #expect(LetterTexts.documents(try cache.tokens(of: text)) == [LetterTexts.ids("ab")])
    #expect(LetterTexts.documents(try cache.tokens(of: body)) == [LetterTexts.ids("cde")])
    #expect(LetterTexts.documents(try cache.tokens(of: text)) == [LetterTexts.ids("ab")])
    #expect(texts.scratch.entries("cache").count == 4)
  }

  @Test(
    "a folder has the documents of its files in order, found again where it is moved, and made anew where one changes")
  func folder() throws {
    let cache = try texts.cache()
    let folder = texts.scratch.makeDirectory("texts")
    _ = texts.write("texts/b.jsonl", ["abc", "", "z"])
    texts.scratch.write("texts/a.txt", "hello")
    texts.scratch.write("texts/c.json.gz", GzipBytes.member(Array(#"["xy"]"#.utf8)))
    let file = try cache.tokens(of: folder)
    #expect(LetterTexts.documents(file) == ["hello", "abc", "z", "xy"].map(LetterTexts.ids))
    #expect(!file.isOneDocument)
    #expect(try cache.tokens(of: folder + "/*").path == file.path)
    texts.scratch.write("texts/a.txt", "hellp")
    #expect(LetterTexts.documents(try cache.tokens(of: folder))[0] == LetterTexts.ids("hellp"))
  }

  @Test("a byte order mark gives no token and no other file")
  func mark() throws {
    let file = try texts.cache().tokens(of: texts.scratch.write("a.txt", "\u{FEFF}abc"))
    #expect(LetterTexts.documents(file) == [LetterTexts.ids("abc")] && file.isOneDocument)
  }

  @Test("another tokenizer or end token has a file of its own")
  func otherModel() throws {
    let text = texts.write("a.jsonl", ["ab"])
    let caches = [
      try texts.cache(), try texts.cache(end: .integer(28)), try texts.cache(end: nil),
      try texts.cache(tokenizer: LetterTexts.makeTokenizer(letters: 25)),
    ]
    #expect(Set(try caches.map { try $0.tokens(of: text).path }).count == caches.count)
  }

  @Test("progress goes up to the whole text")
  func progress() throws {
    let updates = Updates()
    let documents = LetterTexts.documents(600, text: 0, longest: 9000, seed: 1)
    let text = texts.write("a.jsonl", documents)
    _ = try texts.cache(threads: 1, progress: Progress { updates.add($0) }).tokens(of: text)
    let size = try FileSystem.size(text)
    #expect(updates.all.count > 1 && updates.all.allSatisfy { $0.task == "tokenize" && $0.total == size })
    #expect(updates.all.map(\.done) == updates.all.map(\.done).sorted() && updates.all.last?.done == size)
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var name = "a.jsonl"
    let text: String
    let problem: Problem
    /// The line that the error names.
    var line: Int?
  }

  static let refusals = [
    Refusal(testDescription: "no bytes", text: "", problem: .noDocuments),
    Refusal(testDescription: "no bytes, plain", name: "a.txt", text: "", problem: .noDocuments),
    Refusal(testDescription: "blank lines", text: "\n \n\r\n", problem: .noDocuments),
    Refusal(testDescription: "empty documents", text: #"{"text": ""}"#, problem: .noDocuments),
    Refusal(
      testDescription: "a bad last line", text: #"{"text": "ab"}"# + "\n\n" + #"{"text": "ab"#, problem: .jsonSyntax,
      line: 3),
    Refusal(
      testDescription: "the first of two bad lines", text: "{\"text\": \"ab\"}\n[]\n{", problem: .notADocument, line: 2),
    Refusal(testDescription: "no zstd", name: "a.txt.zst", text: "abc", problem: .zstdForeignBytes, line: 1),
  ]

  @Test("a text that cannot be read is an error, and leaves nothing", arguments: refusals)
  func refusal(_ refusal: Refusal) throws {
    let cache = try texts.cache()
    let path = texts.scratch.write(refusal.name, refusal.text)
    let failure = expectProblem(refusal.problem) { try cache.tokens(of: path) }
    #expect(failure?.file == path + (refusal.line.map { ", line \($0)" } ?? ""))
    #expect(texts.scratch.entries("cache") == [])
  }

  @Test("tokens that the model does not have are an error that names the line, also once they are in the folder")
  func foreignTokens() throws {
    let text = texts.write("a.jsonl", ["ab", "az"])
    expectProblem(.tokenOutOfRange) { try texts.cache(end: .integer(30)).tokens(of: text) }
    expectProblem(.tokenOutOfRange) { try texts.cache(end: .integer(-1)).tokens(of: text) }
    let small = try texts.cache(vocabulary: 25, end: .integer(2))
    for _ in 0..<2 {
      let failure = expectProblem(.tokenOutOfRange) { try small.tokens(of: text) }
      #expect(failure?.file == text + ", line 2" && failure?.found == "25")
      _ = try texts.cache(end: .integer(2)).tokens(of: text)
    }
  }

  @Test("a folder that is not there is an error of the output")
  func noFolder() throws {
    let cache = TokenCache(
      folder: texts.scratch.path("nowhere"), tokenizer: texts.tokenizer,
      configuration: try LetterTexts.configuration(), threads: 1)
    expectProblem(.cannotWrite) { try cache.tokens(of: texts.write("a.jsonl", ["ab"])) }
  }
}
