import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// Every kind of tokenizer in use, on two thousand texts of all scripts. Expected values are those of the packages `tokenizers`
/// and `sentencepiece`: see scripts/make_tokenizer_families.py.
@Suite("families of tokenizers")
struct TokenizerFamilyTests {
  static let names = [
    "deepseek", "gemma", "gpt-neox", "gpt2", "llama2-metaspace", "llama2-normalizer", "llama3", "o200k",
    "olmo2-granite",
    "qwen2", "qwen3.5", "smollm2", "tekken", "unigram",
  ]
  static let sentencePieces = ["pairs", "pairs-user", "unigram", "unigram-bytes"]

  private static let golden = try! Golden("ids", in: "tokenizers")

  private static func json(_ name: String) -> JSONValue {
    let bytes = try! FileSystem.read(Fixtures.path("tokenizers/\(name)"), limit: 1 << 24)
    return try! JSONCursor.parse(bytes)
  }

  static let texts = json("texts.json").arrayValue!.map { $0.stringValue! }
  static let decoded = json("decoded.json")
  static let variants = json("variants.json").arrayValue!.map(Variant.init)

  struct Variant: CustomTestStringConvertible, Sendable {
    let name: String
    let base: String
    let changes: JSONValue
    /// `null` for texts on which the package itself fails.
    let decoded: [JSONValue]

    var testDescription: String { name }

    init(_ value: JSONValue) {
      name = value["name"]!.stringValue!
      base = value["base"]!.stringValue!
      changes = value["changes"]!
      decoded = value["decoded"]!.arrayValue!
    }

    func file() throws -> [UInt8] {
      var file = TokenizerFamilyTests.json("\(base).tokenizer.json")
      for key in ["normalizer", "pre_tokenizer", "decoder", "post_processor"] {
        if let step = changes[key] { file[key] = step }
      }
      if changes["normalizer"]?.stringValue != nil {
        file["normalizer"] = .object([
          "type": .string("Precompiled"), "precompiled_charsmap": .string(try characterMap()),
        ])
      }
      if changes["bytes"] != nil {
        let hexadecimal = Array("0123456789ABCDEF")
        let pieces = (0..<256).map { byte in
          JSONValue.array([.string("<0x\(hexadecimal[byte / 16])\(hexadecimal[byte % 16])>"), .double(-20)])
        }
        file["model", "vocab"] = .array(file["model", "vocab"]!.arrayValue! + pieces)
      }
      for (key, value) in changes["model"]?.objectValue?.members ?? [] { file["model", key] = value }
      let vocabulary = file["model", "vocab"]!
      let count = vocabulary.objectValue?.count ?? vocabulary.arrayValue!.count
      let added = (changes["added"]?.arrayValue ?? []).enumerated().map { index, token in
        var token = token
        token["id"] = .integer(count + index)
        return token
      }
      file["added_tokens"] = .array(file["added_tokens"]!.arrayValue! + added)
      return file.bytes
    }

    /// The table within unigram.model, in Base64: field 2 of field 3 of the message.
    private func characterMap() throws -> String {
      let bytes = try FileSystem.read(Fixtures.path("tokenizers/unigram.model"), limit: 1 << 24)
      let map = Self.field(2, of: Self.field(3, of: bytes[...]))
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
      var text = ""
      for start in stride(from: map.startIndex, to: map.endIndex, by: 3) {
        let group = Array(map[start..<min(start + 3, map.endIndex)])
        let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for digit in 0..<4 {
          text.append(digit <= group.count ? alphabet[bits >> (18 - 6 * digit) & 63] : "=")
        }
      }
      return text
    }

    private static func field(_ number: UInt64, of message: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
      var index = message.startIndex
      func varint() -> UInt64 {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while true {
          let byte = message[index]
          index += 1
          value |= UInt64(byte & 0x7F) << shift
          shift += 7
          if byte < 0x80 { return value }
        }
      }
      while index < message.endIndex {
        let tag = varint()
        switch tag & 7 {
        case 0: _ = varint()
        case 5: index += 4
        default:
          let length = Int(varint())
          if tag >> 3 == number { return message[index..<index + length] }
          index += length
        }
      }
      preconditionFailure("no field \(number)")
    }
  }

  @Test(
    "ids of two thousand texts are those of tokenizers, alone and with special tokens, and decode as there",
    arguments: names)
  func ids(_ name: String) throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.path("tokenizers/\(name).tokenizer.json"))
    let (expected, special) = (Self.golden.lists(name), Self.golden.lists(name + ".special"))
    #expect(expected.count == 2000 && special.count == 500)
    var memory = WordMemory()
    for (index, text) in Self.texts.enumerated() {
      let ids = try tokenizer.encode(text)
      #expect(ids == expected[index], "\(text.debugDescription)")
      #expect(try tokenizer.encode(text, memory: &memory) == ids, "\(text.debugDescription), with a memory")
      let tokens = tokenizer.frame.before + ids + tokenizer.frame.after
      if index < special.count { #expect(tokens == special[index], "\(text.debugDescription)") }
      #expect(try tokenizer.encode(text, special: .all) == tokens, "\(text.debugDescription)")
      let again = Self.decoded[name, "\(index)"]?.stringValue ?? text
      #expect(try tokenizer.decode(tokens).utf8.elementsEqual(again.utf8), "\(text.debugDescription)")
    }
  }

  @Test("tokens that come one by one make the same text", arguments: ["gpt2", "llama2-metaspace", "gemma", "unigram"])
  func streams(_ name: String) throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.path("tokenizers/\(name).tokenizer.json"))
    for ids in Self.golden.lists(name + ".special") {
      var stream = StreamDecoder(tokenizer)
      var text = ""
      for id in ids { text += try stream.add(id) }
      text += stream.finish()
      #expect(try text == tokenizer.decode(ids))
    }
  }

  @Test("ids of SentencePiece's models are those of sentencepiece, and decode as there", arguments: sentencePieces)
  func models(_ name: String) throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.path("tokenizers/\(name).model"))
    let expected = Self.golden.lists(name + ".model")
    #expect(tokenizer.frame.before == [1] && tokenizer.frame.after == [])
    for (index, text) in Self.texts.enumerated() {
      let ids = try tokenizer.encode(text)
      #expect(ids == expected[index], "\(text.debugDescription)")
      let again = Self.decoded[name + ".model", "\(index)"]?.stringValue ?? text
      #expect(try tokenizer.decode(ids).utf8.elementsEqual(again.utf8), "\(text.debugDescription)")
    }
  }

  @Test("each step that a tokenizer.json can have does what it does in tokenizers", arguments: variants)
  func variant(_ variant: Variant) throws {
    let tokenizer = try Tokenizer(json: variant.file())
    let expected = Self.golden.lists("variant " + variant.name)
    let special = Self.golden.lists("variant " + variant.name + ".special")
    #expect(expected.count == 100)
    for (index, text) in Self.texts.prefix(expected.count).enumerated() {
      guard let decoded = variant.decoded[index].stringValue else { continue }
      #expect(try tokenizer.encode(text) == expected[index], "\(text.debugDescription)")
      #expect(try tokenizer.encode(text, special: .all) == special[index], "\(text.debugDescription)")
      #expect(try tokenizer.decode(special[index]).utf8.elementsEqual(decoded.utf8), "\(text.debugDescription)")
    }
  }

  @Test(
    "what comes in pieces is what comes at once, where no word goes across",
    arguments: ["llama2-metaspace", "llama2-normalizer"])
  func pieces(_ name: String) throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.path("tokenizers/\(name).tokenizer.json"))
    let whole = try tokenizer.encode("the of number was", special: .all)
    let parts =
      try tokenizer.encode("the of", special: .before)
      + tokenizer.encode(" number was", special: .after, continues: true)
    #expect(parts == whole)
    #expect(try tokenizer.withoutSpecialTokens().encode("the of number was", special: .all) == Array(whole.dropFirst()))
    #expect(try tokenizer.withoutSpecialTokens().fingerprint != tokenizer.fingerprint)
  }

  @Test(
    "vocab.json with merges.txt is the tokenizer.json that it was taken from",
    arguments: [("gpt2", "GPT2Tokenizer"), ("qwen2", "Qwen2TokenizerFast")])
  func vocabularyFiles(_ name: String, _ kind: String) throws {
    let file = Self.json("\(name).tokenizer.json")
    let scratch = TemporaryDirectory()
    scratch.write("vocab.json", file["model", "vocab"]!.bytes)
    let merges = file["model", "merges"]!.arrayValue!.map { pair in
      pair.stringValue ?? pair.arrayValue!.map { $0.stringValue! }.joined(separator: " ")
    }
    scratch.write("merges.txt", Array((["#version: 0.2"] + merges).joined(separator: "\n").utf8))
    var added = JSONObject()
    for token in file["added_tokens"]!.arrayValue! { added["\(token["id"]!.integerValue!)"] = token }
    let configuration: JSONObject = ["tokenizer_class": .string(kind), "added_tokens_decoder": .object(added)]
    scratch.write("tokenizer_config.json", JSONValue.object(configuration).bytes)
    let tokenizer = try ModelDirectory.tokenizer(at: scratch.path)
    let expected = Self.golden.lists(name)
    for (index, text) in Self.texts.prefix(300).enumerated() {
      #expect(try tokenizer.encode(text) == expected[index], "\(text.debugDescription)")
    }
    scratch.write("tokenizer_config.json", Array(#"{"tokenizer_class": "BertTokenizer"}"#.utf8))
    let error = expectProblem(.tokenizerUnsupported) { try ModelDirectory.tokenizer(at: scratch.path) }
    #expect(error?.remedy?.contains("save_pretrained") == true)
  }

  @Test("where several tokenizers lie in a directory, tokenizer.json is read")
  func precedence() throws {
    let scratch = TemporaryDirectory()
    func add(_ name: String, as file: String) throws {
      scratch.write(file, try FileSystem.read(Fixtures.path("tokenizers/\(name)"), limit: 1 << 20))
    }
    // A text that the two have different ids for.
    let index = try #require(
      Self.texts.indices.first { Self.golden.lists("llama2-metaspace")[$0] != Self.golden.lists("pairs.model")[$0] })
    func ids() throws -> [Int] { try ModelDirectory.tokenizer(at: scratch.path).encode(Self.texts[index]) }
    try add("pairs.model", as: "tokenizer.model")
    #expect(try ids() == Self.golden.lists("pairs.model")[index])
    try add("llama2-metaspace.tokenizer.json", as: "tokenizer.json")
    #expect(try ids() == Self.golden.lists("llama2-metaspace")[index])
  }
}
