import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("texts on the command line")
struct TextCommandTests {
  let scratch = TemporaryDirectory()
  /// As JSON lines.
  let lines: [UInt8]

  init() throws {
    lines = Array(
      try FileSystem.read(Fixtures.text, limit: 1 << 24).split(separator: UInt8(ascii: "\n")).prefix(40)
        .joined(separator: [UInt8(ascii: "\n")]))
  }

  private static let sizes = "--documents 4 --length 24 --json --quiet"

  /// The distance of a model to another on a text, `FROM | ` in front of the command.
  private func verify(_ text: String, from input: String = "") async throws -> JSONValue? {
    let line = "\(input)hybridize verify \(Fixtures.model) \(Fixtures.hybrid) --text \(text) \(Self.sizes)"
    let outcome = try await Program(directory: scratch.path).run(shell: line)
    #expect(outcome.status == 0, "\(line): \(outcome.error)")
    return try outcome.json()["kl"]
  }

  @Test("the same documents are the same, whatever the name, compression, folder or pattern, and from standard input")
  func sameText() async throws {
    let expected = try await verify(scratch.write("a.jsonl", lines))
    #expect(expected?.doubleValue ?? 0 > 0)
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let array =
      Array("[\n".utf8) + lines.split(separator: UInt8(ascii: "\n")).joined(separator: Array(",\n".utf8))
      + Array("]".utf8)
    scratch.write("b.JSONL", lines)
    scratch.write("c.ndjson", lines)
    scratch.write("d.json", array)
    scratch.write("e.json", lines)
    scratch.write("f.txt", mark + lines)
    scratch.write("g.jsonl.gz", GzipBytes.member(lines))
    scratch.write("h.dat", ZstdBytes.frame(lines))
    for name in ["b.JSONL", "c.ndjson", "d.json", "e.json", "f.txt", "g.jsonl.gz", "h.dat"] {
      #expect(try await verify(name) == expected, "\(name)")
    }
    _ = scratch.makeDirectory("folder/below")
    scratch.write("folder/below/a.json.gz", GzipBytes.member(array))
    #expect(try await verify("folder") == expected)
    #expect(try await verify("'f*/**/*.gz'") == expected)
    for name in ["a.jsonl", "d.json", "g.jsonl.gz", "h.dat"] {
      #expect(try await verify("-", from: "cat \(name) | ") == expected, "\(name)")
      #expect(try await verify("- < \(name)") == expected, "\(name)")
    }
    scratch.write("key.jsonl", String(decoding: lines, as: UTF8.self).replacing("\"text\"", with: "\"body\""))
    #expect(try await verify("key.jsonl --text-key body") == expected)
  }

  @Test("tokenize has a line a document, from a file, a folder or standard input")
  func tokenize() async throws {
    let texts = ["One day", "a little café\n😀", "once"]
    let file = scratch.write("a.json", "[\"One day\", {\"text\": \"a little café\\n😀\"}, \"once\"]")
    var ids: [[Int]] = []
    for text in texts {
      let report = try await Program().run("tokenize", Fixtures.model, "--prompt", text, "--json").json()
      ids.append((report["ids"]?.arrayValue ?? []).compactMap(\.integerValue))
    }
    let report = try await Program().run("tokenize", Fixtures.model, "--text", file, "--json").json()
    #expect(report["ids"] == .array(ids.joined().map { .integer($0) }))
    #expect(report["documents"] == .array(ids.map { .integer($0.count) }))
    let expected = ids.map { $0.map { "\($0)" }.joined(separator: " ") + "\n" }.joined()
    #expect(try await Program().run("tokenize", Fixtures.model, "--text", file).text == expected)
    let piped = try await Program().run(shell: "cat \(file) | hybridize tokenize \(Fixtures.model) --text -")
    // Where nothing says that it is JSON, an array has to be one of objects.
    #expect(piped.status == 0 && piped.text != expected)
    let line =
      "grep . \(scratch.write("b", "{\"text\": \"One day\"}\n")) | hybridize tokenize \(Fixtures.model) --text -"
    #expect(try await Program().run(shell: line).text == expected.prefix { $0 != "\n" } + "\n")
  }

  @Test("select and distil from standard input as from a file, and find its tokens again")
  func training() async throws {
    scratch.write("a.jsonl", lines)
    _ = scratch.makeDirectory("cache")
    let program = Program(directory: scratch.path)
    let select =
      "hybridize select \(Fixtures.model) --keep 2 --method gr-s1 --sequences 2 --length 32 --cache cache --json --quiet"
    let fromFile = try await program.run(shell: select + " --text a.jsonl").json()
    let tokens = scratch.entries("cache")
    #expect(tokens.count == 1)
    let fromInput = try await program.run(shell: "cat a.jsonl | \(select) --text -").json()
    #expect(scratch.entries("cache") == tokens, "tokens belong to the content")
    #expect(fromInput["keep"] == fromFile["keep"] && fromInput["keep"] != nil)

    let distill =
      "hybridize distill \(Fixtures.model) \(Fixtures.hybrid) OUT --stage finetune --tokens 12800 --batch 8 --length 32 "
      + "--cache cache --json --quiet --text"
    let file = try await program.run(shell: distill.replacing("OUT", with: "a") + " a.jsonl").json()
    let input = try await program.run(shell: "cat a.jsonl | " + distill.replacing("OUT", with: "b") + " -").json()
    #expect(scratch.bytes("a/model.safetensors") == scratch.bytes("b/model.safetensors"))
    let text = file["texts"]?.arrayValue?.first?.objectValue
    let count = try #require(text?["tokens"]?.integerValue)
    #expect(text?["passes"]?.doubleValue == 12_800 / Double(count) && text?["name"]?.stringValue == "a.jsonl")
    #expect(text?["held_out_sequences"]?.integerValue ?? 0 > 0 && file["held_out_loss"]?.doubleValue ?? 0 > 0)
    #expect(input["texts"]?.arrayValue?.first?.objectValue?["name"]?.stringValue == "standard input")
  }

  @Test("a text that is short says that less is judged on, and how often it was gone through")
  func shortText() async throws {
    let text = scratch.write("short.jsonl", Array(lines.split(separator: UInt8(ascii: "\n"))[0]))
    let select = try await Program().run(
      "select", Fixtures.model, "--keep", "2", "--method", "gr-s1", "--length", "16", "--text", text, "--quiet")
    #expect(select.text.contains("of text where 32 were asked for: the text is short"), "\(select.text)\(select.error)")
    let distill = try await Program().run(
      "distill", Fixtures.model, Fixtures.hybrid, scratch.path("out"), "--stage", "finetune", "--tokens", "4096",
      "--batch", "8", "--length", "16", "--text", text, "--quiet")
    #expect(distill.text.contains("tokens, gone through "), "\(distill.text)\(distill.error)")
    #expect(distill.text.contains("held out  "))
  }
}
