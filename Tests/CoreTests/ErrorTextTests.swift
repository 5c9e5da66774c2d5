import HybridizeCore
import TestSupport
import Testing

@Suite("the text of an error")
struct ErrorTextTests {
  private let full = HybridizeError(
    .sizeOverflow, file: "a.safetensors", tensor: "w", offset: 12, expected: "4 bytes", found: "5 bytes",
    remedy: "write it again")

  @Test("says what and where, then what was expected and found, and what to do")
  func render() {
    #expect(
      ErrorText.render(full) == """
        a.safetensors: tensor "w": a size does not fit 64 bits (at byte 12)
          expected: 4 bytes
          found:    5 bytes
          remedy:   write it again
        """)
    #expect(ErrorText.render(HybridizeError(.unreadable)) == "cannot be read")
  }

  @Test("is one object in JSON, without what is not known")
  func json() throws {
    #expect(
      JSONWriter.compact(ErrorText.json(full))
        == #"{"problem":"sizeOverflow","message":"a size does not fit 64 bits","file":"a.safetensors","tensor":"w","#
        + #""expected":"4 bytes","found":"5 bytes","remedy":"write it again","offset":12}"#)
    #expect(
      ErrorText.json(HybridizeError(.unreadable)).objectValue?.keys == ["problem", "message"])
  }

  @Test("is of bounded length whatever a file brings")
  func bounds() throws {
    for text in [String(repeating: "x", count: 5_000_000), String(repeating: "é\u{0}", count: 500_000)] {
      let error = HybridizeError(
        .unreadable, file: text, tensor: text, expected: text, found: text, remedy: text)
      let rendered = ErrorText.render(error)
      #expect(rendered.utf8.count < 50_000 && rendered.contains("... (\(text.utf8.count) bytes in all)"))
      #expect(JSONWriter.compact(ErrorText.json(error)).utf8.count < 50_000)
    }
    let whole = String(repeating: "y", count: ErrorText.partLimit)
    #expect(ErrorText.bounded(whole) == whole)
    #expect(ErrorText.bounded(whole + "z") == whole + "... (1001 bytes in all)")
  }

  @Test(
    "shows characters that could steer a terminal instead of sending them",
    arguments: [
      ("\u{1B}[31m", #"\u{1b}[31m"#), ("a\nb\tc", #"a\nb\tc"#), ("\r\u{0}\u{7F}\u{9B}", #"\u{d}\u{0}\u{7f}\u{9b}"#),
      ("\u{202E}abc\u{2066}", #"\u{202e}abc\u{2066}"#), ("é中😀 plain", "é中😀 plain"),
    ])
  func escapes(_ text: String, _ expected: String) {
    #expect(ErrorText.escape(text) == expected)
    for error in [
      HybridizeError(.unreadable, file: text), HybridizeError(.unreadable, tensor: text),
      HybridizeError(.unreadable, expected: text), HybridizeError(.unreadable, found: text),
      HybridizeError(.unreadable, remedy: text),
    ] {
      #expect(ErrorText.render(error).contains(expected))
      #expect(!ErrorText.render(error).unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }
  }

  @Test("errors take the file and tensor of the caller unless they have their own")
  func context() {
    let bare = HybridizeError(.unreadable)
    #expect(bare.inFile("a").file == "a" && bare.inTensor("t").tensor == "t")
    #expect(full.inFile("b") == full && full.inTensor("u") == full)
  }

  @Test("the exit code follows from whose fault it is")
  func exitCodes() {
    let categories: [HybridizeError.Category] = [.checkFailed, .argument, .inputFile, .output]
    #expect(categories.map(\.exitCode) == [1, 2, 3, 4])
    #expect(HybridizeError(.badArgument).category.exitCode == 2)
    #expect(full.category.exitCode == 3)
  }
}
