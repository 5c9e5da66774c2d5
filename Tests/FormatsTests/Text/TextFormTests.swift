import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("what a text file is")
struct TextFormTests {
  let scratch = TemporaryDirectory()

  private func read(_ path: String, key: String = "text") throws -> (form: TextForm?, texts: [String]) {
    var reader = try TextReader(path, key: key)
    var form: TextForm?
    var texts: [String] = []
    while let piece = try reader.next() {
      form = piece.form
      texts.append(try piece.text())
    }
    #expect(try reader.next() == nil && reader.offset == reader.size)
    return (form, texts)
  }

  static let two = ["a \"b\" 𝄞\n", "c"]
  static let lines = #"{"id": 1, "text": "a \"b\" \ud834\udd1e\n"}"# + "\n" + #"{"text": "c"}"#
  static let array = "[\n {\"text\": \"a \\\"b\\\" 𝄞\\n\", \"more\": [\"}]\", {}]},\r\n\t{\"text\": \"c\"} ]\n"
  static let pretty = "{\n \"text\": \"a \\\"b\\\" 𝄞\\n\",\n \"more\": [1,\n 2]\n}\n\n{\n \"text\":\n\"c\"}"

  struct Sample: CustomTestStringConvertible, Sendable {
    let name: String
    let content: String
    let form: TextForm
    var texts = TextFormTests.two
    var testDescription: String { name }
  }

  static let samples =
    ["a.jsonl", "a.JSONL", "a.ndjson", "a.NdJson", "a.txt", "a.md", "a.jsonl.txt", "a.data", "a", "json"].map {
      Sample(name: $0, content: lines, form: .lines)
    }
    + ["a.json", "a.JSON", "a.json.gz.json"].flatMap {
      [
        Sample(name: $0, content: lines, form: .values), Sample(name: $0, content: array, form: .values),
        Sample(name: $0, content: pretty, form: .values),
        Sample(name: $0, content: "[\"a \\\"b\\\" 𝄞\\n\",\"c\"]", form: .values),
      ]
    }
    + ["a.data", "a", "a.txt"].flatMap {
      [Sample(name: $0, content: array, form: .values), Sample(name: $0, content: pretty, form: .values)]
    }
    // Text that looks like it, and other objects where the name says that it is text.
    + ["{a}\nb", "[Chapter 1]\nOnce", "{\"a\": 1", "[\"a\", \"b\"]", "[1]", " \n\n", "x {\"text\": \"a\"}"].flatMap {
      text in
      ["a", "a.txt"].map { Sample(name: $0, content: text, form: .plain, texts: [text]) }
    }
    + ["{\"data\": \"a\"}\n", "[{\"data\": 1}]"].map {
      Sample(name: "a.md", content: $0, form: .plain, texts: [$0])
    }

  @Test("follows from name and content, compressed or not, with a mark or without", arguments: samples)
  func forms(_ sample: Sample) throws {
    let bytes = Array(sample.content.utf8)
    for content in [bytes, [0xEF, 0xBB, 0xBF] + bytes] {
      for (end, file) in [("", content), (".gz", GzipBytes.member(content)), (".ZST", ZstdBytes.frame(content))] {
        let found = try read(scratch.write(sample.name + end, file))
        #expect(found.form == sample.form && found.texts == sample.texts, "\(sample.name + end): \(found.texts)")
      }
      // Compression shows without its name.
      #expect(try read(scratch.write(sample.name, GzipBytes.member(content))).texts == sample.texts)
    }
  }

  @Test("files that Python and zstd have written hold the same documents")
  func fixtures() throws {
    let expected = (0..<40).map {
      "Document \($0): naïve café, 漢字, 𝄞, \"quoted\"\\\n\tline two, \u{1} end."
    }
    for name in ["documents.jsonl", "documents.jsonl.gz", "documents.jsonl.zst", "documents.json"] {
      #expect(try read(Fixtures.path("texts/\(name)")).texts == expected, "\(name)")
    }
  }

  @Test("an empty file or array has no document", arguments: ["", "[]", " [\n] ", "\n"])
  func empty(_ content: String) throws {
    #expect(try read(scratch.write("a.json", content)).texts == [])
  }

  @Test("values are read through the pieces that a file comes in", arguments: [true, false])
  func longValues(_ isArray: Bool) throws {
    let texts = [0, 1, 700_000, 3, 262_110, 262_115, 262_120, 5].map { String(repeating: "é]", count: $0) }
    let values = texts.map { "{\"more\": [[\"}\"]],\n\"text\": \"\($0)\"}" }
    let content = isArray ? "[" + values.joined(separator: ",\n") + "]" : values.joined(separator: "\n")
    #expect(try read(scratch.write("a.json", content)).texts == texts)
  }

  @Test("the text is under the key that is asked for")
  func key() throws {
    let lines = #"{"text": 1, "content": "a"}"# + "\n" + #"{"content": "b"}"#
    for name in ["a.jsonl", "a.json", "a.txt", "a"] {
      #expect(try read(scratch.write(name, lines), key: "content").texts == ["a", "b"], "\(name)")
    }
  }

  @Test("marks of files that were put one behind the other are no text")
  func marks() throws {
    let mark = "\u{FEFF}"
    let content = mark + Self.lines + "\n" + mark + Self.lines + "\n"
    #expect(try read(scratch.write("a.jsonl", content)).texts == Self.two + Self.two)
  }

  @Test("line ends of other systems, blank lines and a last line without an end change nothing")
  func lineEnds() throws {
    let content = "\r\n" + Self.lines.replacing("\n", with: "\r\n \t\r\n\n")
    #expect(try read(scratch.write("a.jsonl", content)).texts == Self.two)
    #expect(try read(scratch.write("a.json", content)).texts == Self.two)
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var name = "a.jsonl"
    let bytes: [UInt8]
    let problem: Problem
    /// The line that the error names; none where it is about the file.
    var line: Int?
    /// What the error says.
    var says: [String] = []

    init(
      _ description: String, as name: String = "a.jsonl", _ bytes: [UInt8], _ problem: Problem, line: Int? = nil,
      says: [String] = []
    ) {
      (testDescription, self.name, self.bytes, self.problem, self.line, self.says) =
        (description, name, bytes, problem, line, says)
    }

    init(
      _ description: String, as name: String = "a.jsonl", _ text: String, _ problem: Problem, line: Int? = nil,
      says: [String] = []
    ) {
      self.init(description, as: name, Array(text.utf8), problem, line: line, says: says)
    }
  }

  private static func utf16(_ text: String, mark: Bool, big: Bool = false) -> [UInt8] {
    ((mark ? [0xFEFF] : []) + Array(text.utf16)).flatMap { unit -> [UInt8] in
      let (low, high) = (UInt8(truncatingIfNeeded: unit), UInt8(truncatingIfNeeded: unit >> 8))
      return big ? [high, low] : [low, high]
    }
  }

  static let refusals = [
    Refusal("prose in a .jsonl", "Once upon\na time", .jsonSyntax, line: 1, says: ["jq -c", ".txt"]),
    Refusal("an array in a .jsonl", #"[{"text": "a"}]"#, .notADocument, line: 1, says: ["named .json", "an array"]),
    Refusal("an object on many lines", "\n{\n\"text\": \"a\"\n}", .jsonSyntax, line: 2, says: ["jq -c"]),
    Refusal(
      "another key", "{\"content\": \"a\", \"id\": 1}", .notADocument, line: 1,
      says: ["a string \"text\"", "\"content\", \"id\"", "--text-key content"]),
    Refusal(
      "chats", "{\"id\": \"a\", \"messages\": [{\"role\": \"user\"}]}", .notADocument, line: 1,
      says: ["\"messages\"", "apply_chat_template(row['messages']"]),
    Refusal("no keys", "{}", .notADocument, line: 1, says: ["an empty object"]),
    Refusal(
      "columns", as: "a.json", "{\"text\": {\"0\": \"a\"}}", .notADocument, line: 1,
      says: ["an object", "orient='records'"]),
    Refusal("a null", "\n\n{\"text\": null}", .notADocument, line: 3, says: ["null"]),
    Refusal("half a character", #"{"text": "\udc00"}"#, .jsonLoneSurrogate, line: 1, says: ["half a character"]),
    Refusal("no UTF-8", as: "a.txt", Array("a\nb".utf8) + [0xE9, 0x0A], .invalidUTF8, line: 2, says: ["iconv"]),
    Refusal(
      "a number among documents", as: "a.json", "[{\"text\": \"a\"},\n 5]", .notADocument, line: 2, says: ["'5'"]),
    Refusal("an array within", as: "a.json", "[\n\n[\"a\"]]", .notADocument, line: 3, says: ["an object or a string"]),
    Refusal("a string by itself", as: "a.json", "\"a\"", .notADocument, line: 1, says: [".txt"]),
    Refusal("no comma", as: "a.json", "[\"a\"\n\"b\"]", .notADocument, line: 2, says: ["','"]),
    Refusal("a comma at the end", as: "a.json", "[\"a\",\n]", .notADocument, line: 2, says: ["']'"]),
    Refusal(
      "an array that does not end", as: "a.json", "[\"a\",\n", .jsonSyntax, line: 2, says: ["the end of the file"]),
    Refusal("a value that does not end", as: "a.json", "[\"a\",\n{\"b\n\n", .jsonSyntax, line: 2),
    Refusal("something behind an array", as: "a.json", "[]\n\nx", .notADocument, line: 3, says: ["'x'"]),
    Refusal("a bracket that closes another", as: "a.json", "[\"a\",\n{\"text\": [1}]\n}]", .jsonSyntax, line: 2),
    Refusal(
      "Parquet", as: "a.jsonl", "PAR1\u{15}\u{4}", .notText, says: ["Parquet", "read_parquet(", "lines=True"]),
    Refusal("Arrow", as: "a.txt", "ARROW1\u{0}\u{0}", .notText, says: ["Arrow", "read_feather("]),
    Refusal("a stream of Arrow", as: "a", [255, 255, 255, 255, 16, 0], .notText, says: ["Dataset.from_file("]),
    Refusal("a zip archive", as: "a.txt", "PK\u{3}\u{4}..", .notText, says: ["unzip"]),
    Refusal("xz", as: "a.jsonl.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], .notText, says: ["xz -dk"]),
    Refusal("gzip in gzip", as: "a.gz", GzipBytes.member(GzipBytes.member([97])), .notText, says: ["compressed twice"]),
    Refusal("UTF-16", as: "a.txt", utf16("Hello", mark: true), .notText, says: ["iconv -f UTF-16 -t UTF-8"]),
    Refusal("UTF-16, big end first", as: "a.jsonl", utf16("{}", mark: true, big: true), .notText, says: ["UTF-16"]),
    Refusal("UTF-16 without a mark", as: "a.txt", utf16("Hello you", mark: false), .notText, says: ["UTF-16LE"]),
    Refusal("zeros", as: "a.txt", Array("some".utf8) + [0, 1, 2], .notText, says: ["zero"]),
  ]

  @Test("what is none is an error with line and remedy", arguments: refusals)
  func refusal(_ refusal: Refusal) throws {
    let path = scratch.write(refusal.name, refusal.bytes)
    let failure = try #require(expectProblem(refusal.problem) { try read(path) })
    #expect(failure.file == path + (refusal.line.map { ", line \($0)" } ?? ""))
    for word in refusal.says { #expect(ErrorText.render(failure).contains(word), "\(ErrorText.render(failure))") }
  }

  @Test("messages are short, whatever keys and values are")
  func longMessages() throws {
    let long = String(repeating: "k", count: 1 << 20)
    let keys = (0..<1000).map { "\"\(long.prefix(1000))\($0)\": \"\"" }.joined(separator: ",")
    for line in ["{\(keys)}", "{\"\(long)\": 1}", "{\"text\": \(String(repeating: "1", count: 1 << 20))}"] {
      let failure = expectProblem(.notADocument) { try read(scratch.write("a.jsonl", line)) }
      #expect(failure.map { ErrorText.render($0).utf8.count < 1000 } == true)
    }
  }

  @Test("a value without an end is an error before it fills memory")
  func endless() throws {
    let bomb = ZstdBytes.repeated(0x61, 200 << 20, after: Array("[\n\"".utf8), claims: nil)
    let path = scratch.write("a.json.zst", bomb)
    #expect(expectProblem(.lineTooLong) { try read(path) }?.file == path + ", line 2")
    // Where the name says nothing it is text.
    let blanks = ZstdBytes.repeated(0x20, 20 << 20, after: Array("{".utf8), claims: nil)
    #expect(try read(scratch.write("a.zst", blanks)).form == .plain)
  }
}
