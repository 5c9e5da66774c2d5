import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// Tokenizers of strangers: what takes long or grows without bound ends in an error, damage is named.
@Suite("limits of tokenizers")
struct TokenizerLimitTests {
  private static func gpt2() throws -> JSONValue {
    try JSONCursor.parse(FileSystem.read(Fixtures.path("tokenizers/gpt2.tokenizer.json"), limit: 1 << 20))
  }

  private static func split(_ expression: String) -> JSONValue {
    .object([
      "type": .string("Sequence"),
      "pretokenizers": .array([
        .object([
          "type": .string("Split"), "pattern": .object(["Regex": .string(expression)]), "behavior": .string("Isolated"),
          "invert": .bool(false),
        ]),
        .object(["type": .string("ByteLevel"), "add_prefix_space": .bool(false), "use_regex": .bool(false)]),
      ]),
    ])
  }

  @Test("a pattern that backtracks without end is an error", arguments: ["(a+)+$", "(a|aa)+$"])
  func backtracking(_ expression: String) throws {
    var file = try Self.gpt2()
    file["pre_tokenizer"] = Self.split(expression)
    let tokenizer = try Tokenizer(json: file.bytes)
    #expect(try tokenizer.encode("aaaa b").count > 0)
    expectProblem(.tokenizerPatternRunsAway) { try tokenizer.encode(String(repeating: "a", count: 60) + "b!") }
  }

  @Test("a replacement that makes a text too long is an error")
  func replacement() throws {
    var file = try Self.gpt2()
    file["normalizer"] = .object([
      "type": .string("Replace"), "pattern": .object(["String": .string("a")]),
      "content": .string(String(repeating: "b", count: 1 << 20)),
    ])
    let tokenizer = try Tokenizer(json: file.bytes)
    expectProblem(.tokenizerUnsupported) { try tokenizer.encode(String(repeating: "a", count: 2000)) }
  }

  @Test("long added tokens and many of them take time in proportion to the text")
  func addedTokens() throws {
    var file = try Self.gpt2()
    let count = file["model", "vocab"]!.objectValue!.count
    let contents =
      [String(repeating: "a", count: 200_000) + "b", String(repeating: "a", count: 100_000)]
      + (0..<20_000).map { "<extra \($0)>" }
    let tokens = contents.enumerated().map { index, text in
      JSONValue.object([
        "id": .integer(count + index), "content": .string(text), "special": .bool(true), "normalized": .bool(false),
      ])
    }
    file["added_tokens"] = .array(file["added_tokens"]!.arrayValue! + tokens)
    let tokenizer = try Tokenizer(json: file.bytes)
    // Without linear search these are ten billion comparisons.
    let ids = try tokenizer.encode(String(repeating: "a", count: 200_000) + "<extra 7><extra 19999>")
    #expect(ids == [count + 1, count + 1, count + 2 + 7, count + 2 + 19_999])
    #expect(try tokenizer.encode(String(repeating: "a", count: 200_000) + "b") == [count])
  }

  @Test("every tokenizer.model that is cut off or changed by a bit is read or refused, and never more")
  func damagedModels() throws {
    let bytes = try FileSystem.read(Fixtures.path("tokenizers/pairs.model"), limit: 1 << 20)
    var random = SeededGenerator(seed: 18, stream: "models")
    for _ in 0..<400 {
      var damaged = bytes
      if random.index(below: 4) == 0 { damaged = Array(damaged.prefix(random.index(below: damaged.count))) }
      for _ in 0..<1 + random.index(below: 4) where !damaged.isEmpty {
        damaged[random.index(below: damaged.count)] ^= 1 << UInt8(random.index(below: 8))
      }
      do throws(HybridizeError) {
        let tokenizer = try Tokenizer(sentencePiece: damaged)
        let ids = try tokenizer.encode("Phone book\n the  of 12 é 한")
        #expect(ids.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) })
        _ = try tokenizer.decode(ids)
      } catch {
        #expect(error.problem.category == .inputFile)
      }
    }
  }

  @Test("what a damaged tokenizer.json says is read or refused, and never more", arguments: TokenizerFamilyTests.names)
  func damagedFiles(_ name: String) throws {
    let text = String(
      decoding: try FileSystem.read(Fixtures.path("tokenizers/\(name).tokenizer.json"), limit: 1 << 20), as: UTF8.self)
    let (start, end) = (text.range(of: "\"model\""), text.utf8.count)
    var random = SeededGenerator(seed: 18, stream: name)
    let head = Array(text.utf8.prefix(start ?? end))
    let rest = Array(text.utf8.dropFirst(head.count))
    for _ in 0..<60 {
      var damaged = head
      for _ in 0..<1 + random.index(below: 3) {
        damaged[random.index(below: damaged.count)] = UInt8(random.index(below: 128))
      }
      do throws(HybridizeError) {
        _ = try Tokenizer(json: damaged + rest).encode("Phone book\n the  of 12 é 한 <s>", special: .all)
      } catch {
        #expect(error.problem.category == .inputFile)
      }
    }
  }

  @Test("warnings say which ids a file has wrong")
  func warnings() throws {
    var file = try Self.gpt2()
    let count = file["model", "vocab"]!.objectValue!.count
    file["added_tokens"] = .array([
      .object(["id": .integer(count + 9), "content": .string("<new>"), "special": .bool(true)])
    ])
    let tokenizer = try Tokenizer(json: file.bytes)
    #expect(try tokenizer.encode("<new>") == [count])
    #expect(tokenizer.warnings.count == 1 && tokenizer.warnings[0].contains("\(count + 9)"))
  }
}

extension String {
  /// Where a text begins, in bytes.
  fileprivate func range(of text: String) -> Int? {
    let (bytes, wanted) = (Array(utf8), Array(text.utf8))
    return bytes.indices.dropLast(wanted.count).first { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }
}
