import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("the files of a text")
struct TextSourceTests {
  let scratch = TemporaryDirectory()

  private func texts(_ path: String) throws -> [String] {
    var reader = try TextReader(path)
    var texts: [String] = []
    while let piece = try reader.next() { texts.append(try piece.text()) }
    return texts
  }

  /// A folder with a text of each name, which is its content.
  private func folder(_ names: String...) -> String {
    let folder = scratch.makeDirectory("folder")
    for name in names {
      _ = scratch.makeDirectory("folder/" + FileSystem.directory(of: name))
      scratch.write("folder/" + name, name)
    }
    return folder
  }

  @Test("a folder has the texts in it and below, by their paths")
  func folders() throws {
    let folder = folder(
      "b.txt", "a/z.md", "a/b/y.TXT", "a-b.txt", "c.bin", ".hidden.txt", ".git/d.txt", "e.py", "a/none")
    scratch.write("folder/a/c.jsonl.gz", GzipBytes.member(Array(#"{"text": "lines"}"#.utf8)))
    scratch.write("folder/a/d.ndjson", #"{"text": "more"}"#)
    scratch.write("folder/a/e.JSON.zst", ZstdBytes.frame(Array("[\"array\"]".utf8)))
    let expected = ["a-b.txt", "a/b/y.TXT", "lines", "more", "array", "a/z.md", "b.txt"]
    #expect(try texts(folder) == expected && texts(folder + "/") == expected)
  }

  @Test("links are followed, and loops of them end")
  func links() throws {
    let folder = folder("a/a.txt", "b/b.txt")
    scratch.link("folder/a/up", to: "..")
    scratch.link("folder/b/self", to: "self")
    scratch.link("folder/c", to: "b")
    scratch.link("folder/d.txt", to: "a/a.txt")
    #expect(try texts(folder).sorted() == ["a/a.txt", "a/a.txt", "b/b.txt"])
    #expect(try texts(folder + "/**/*.txt").count == 3)
    scratch.link("folder/gone.txt", to: "nowhere")
    #expect(expectProblem(.unreadable) { try TextSource(folder) }?.file == folder + "/gone.txt")
    #expect(try texts(folder + "/**/*.txt").count == 3)
  }

  @Test("folders may be deep, and files many")
  func many() throws {
    var path = scratch.makeDirectory("deep")
    for _ in 0..<200 {
      path += "/d"
      mkdir(path, 0o777)
    }
    for index in 0..<3000 {
      scratch.write(String(path.dropFirst(scratch.path.count + 1)) + "/\(1000 + index).txt", "\(index)")
    }
    #expect(try texts(scratch.path("deep")) == (0..<3000).map { "\($0)" })
  }

  @Test(
    "a pattern has the files that match, by their paths",
    arguments: [
      ("*.txt", ["a.txt", "b.txt"]), ("?.txt", ["a.txt", "b.txt"]), ("[b-z].txt", ["b.txt"]), ("[!b].txt", ["a.txt"]),
      ("*", ["a.txt", "b.txt", "odd[1]"]), ("**/*.txt", ["a.txt", "b.txt", "d/a.txt", "d/e/b.txt"]),
      ("d/**", ["d/a.txt", "d/c.md", "d/e/b.txt"]), ("**/e/**/b*", ["d/e/b.txt"]), ("*/*/*", ["d/e/b.txt"]),
      ("[d]/?.md", ["d/c.md"]), (".*", [".h.txt"]), ("odd[1]", ["odd[1]"]), ("odd\\[*", ["odd[1]"]), ("a*t", ["a.txt"]),
      ("*.*x*", ["a.txt", "b.txt"]), ("d/**/**/*.md", ["d/c.md"]),
    ])
  func patterns(_ pattern: String, _ names: [String]) throws {
    let folder = folder("b.txt", "a.txt", "d/a.txt", "d/c.md", "d/e/b.txt", ".h.txt", "odd[1]")
    #expect(try texts(folder + "/" + pattern) == names)
  }

  @Test("what does not match is an error", arguments: ["*.md", "x/*", "**/x", "*/", "a.txt/*", "[b"])
  func noMatch(_ pattern: String) {
    let path = folder("a.txt") + "/" + pattern
    #expect(expectProblem(.noTexts) { try TextSource(path) }?.file == path)
  }

  @Test("a folder without texts says what is there")
  func noTexts() throws {
    let empty = expectProblem(.noTexts) { try TextSource(scratch.makeDirectory("empty")) }
    #expect(empty?.found == "no file" && empty?.expected?.contains(".jsonl, .ndjson, .json, .txt, .md") == true)
    let others = expectProblem(.noTexts) { try TextSource(folder("a.parquet", "b.PARQUET", "c.bin", "README")) }
    #expect(others?.found == "2 .parquet, 1 .bin, 1 other names" && others?.remedy?.contains("read_parquet") == true)
  }

  @Test("pipes and devices are refused without waiting, wherever they are")
  func pipes() throws {
    let folder = folder("a.txt")
    #expect(mkfifo(folder + "/b.txt", 0o600) == 0)
    for path in [folder + "/b.txt", folder, folder + "/*"] {
      let failure = expectProblem(.unreadable) { try TextSource(path) }
      #expect(failure?.file == folder + "/b.txt" && failure?.remedy?.contains("--text -") == true)
    }
    expectProblem(.unreadable) { try TextSource("/dev/zero") }
    #expect(expectProblem(.unreadable) { try TextSource("") }?.found == "No such file or directory")
  }

  // MARK: Standard input

  /// A pipe that holds these bytes and has ended.
  private func filledPipe(_ bytes: [UInt8]) -> Int32 {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0 && bytes.count <= 65_536)
    precondition(write(ends[1], bytes, bytes.count) == bytes.count)
    close(ends[1])
    return ends[0]
  }

  @Test("a pipe is kept, so that it can be read at any place and again")
  func spool() throws {
    let bytes = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let descriptor = filledPipe(bytes)
    let file = try SpooledInput.open(descriptor)
    close(descriptor)
    for _ in 0..<2 { #expect(try file.read(at: 0, count: file.size) == bytes) }
    #expect(try file.read(at: 59_999, count: 1) == [bytes[59_999]])
    #expect(file.path == "standard input")
  }

  @Test("no more than the limit is kept")
  func limit() throws {
    for (limit, fits) in [(1000, true), (999, false)] {
      let descriptor = filledPipe([UInt8](repeating: 1, count: 1000))
      defer { close(descriptor) }
      if fits {
        #expect(try SpooledInput.open(descriptor, limit: limit).size == 1000)
      } else {
        expectProblem(.fileTooLarge) { try SpooledInput.open(descriptor, limit: limit) }
      }
    }
  }

  @Test("a file is taken as it is, from its beginning or from where it has been read to")
  func redirected() throws {
    let path = scratch.write("a", "0123456789")
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    #expect(try SpooledInput.open(descriptor).size == 10)
    lseek(descriptor, 4, SEEK_SET)
    let rest = try SpooledInput.open(descriptor)
    #expect(try rest.read(at: 0, count: rest.size) == Array("456789".utf8))
  }

  @Test("a terminal or a closed input is an error")
  func noInput() {
    var (terminal, screen): (Int32, Int32) = (-1, -1)
    if openpty(&terminal, &screen, nil, nil, nil) == 0 {
      #expect(expectProblem(.unreadable) { try SpooledInput.open(screen) }?.found == "a terminal")
      close(terminal)
      close(screen)
    }
    #expect(expectProblem(.unreadable) { try SpooledInput.open(-1) }?.file == "standard input")
  }

  // MARK: Fingerprints

  @Test("a fingerprint follows from content, form, key and order, and not from where files lie")
  func fingerprints() throws {
    func print(_ path: String, key: String = "text") throws -> TextSource.Fingerprint {
      try TextSource(path, key: key).fingerprint()
    }
    let line = #"{"text": "a", "b": "c"}"#
    let first = try print(scratch.write("a.jsonl", line))
    #expect(first.form == 1 && first.byteCount == line.utf8.count)
    #expect(first.digest == SHA256.hash(text: line))
    #expect(try print(scratch.write("b.NDJSON", line)) == first)
    #expect(try print(scratch.write("c", line)) == first)
    var prints: Set<String> = ["\(first)"]
    func expectNew(_ found: TextSource.Fingerprint, _ comment: Comment) {
      #expect(prints.insert("\(found)").inserted, comment)
    }
    expectNew(try print(scratch.path("a.jsonl"), key: "b"), "another key")
    expectNew(try print(scratch.write("a.json", line)), "another form")
    expectNew(try print(scratch.write("a.jsonl", line + "\n")), "another byte")
    let plain = try print(scratch.write("a.txt", "text"))
    #expect(try print(scratch.path("a.txt"), key: "b") == plain, "a plain text has no keys")

    let folder = folder("a.txt")
    #expect(try print(folder).form == 0, "one file is what it is, also in a folder")
    scratch.write("folder/b.jsonl", line)
    let both = try print(folder)
    #expect(both.form == 3 && both.byteCount == 5 + line.utf8.count)
    expectNew(both, "two files")
    expectNew(try print(folder, key: "b"), "another key of two files")
    _ = scratch.makeDirectory("other/x")
    scratch.write("other/x/1.txt", "a.txt")
    scratch.write("other/x/2.jsonl", line)
    #expect(try print(scratch.path("other")) == both)
    #expect(try print(scratch.path("other/*/*")) == both)
    scratch.write("other/x/0.jsonl", line)
    scratch.write("other/x/2.jsonl", "a.txt")
    #expect(throws: HybridizeError.self) { _ = try texts(scratch.path("other")) }
    expectNew(try print(scratch.path("other")), "another order")
  }
}
