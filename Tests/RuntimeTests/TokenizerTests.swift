import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// Expected ids are those of the package `tokenizers`: see scripts/make_tokenizer_expectations.py.
@Suite("tokenizer")
struct TokenizerTests {
  @Test("ids of ten thousand pieces of text are those of tokenizers, and decode to the text")
  func heldOutText() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    let expected = try TokenizerExpectations().ids("lines")
    let pieces = try TokenizerExpectations.pieces().prefix(expected.count)
    #expect(pieces.count == 10_000)
    try expectTokens(tokenizer, Array(pieces), expected)
  }

  @Test("ids of hard strings are those of tokenizers, and decode to the text")
  func hardStrings() throws {
    let expectations = try TokenizerExpectations()
    let texts = expectations.texts
    #expect(texts.count > 400)
    try expectTokens(try ModelDirectory.tokenizer(at: Fixtures.model), texts, expectations.ids("hard"))
  }

  @Test("other split patterns and added tokens give the ids of tokenizers", arguments: TokenizerVariant.all)
  func variants(_ variant: TokenizerVariant) throws {
    let expectations = try TokenizerExpectations()
    try expectTokens(
      try Tokenizer(json: variant.file()), expectations.texts, expectations.ids(variant.name),
      // White space that a token takes from its neighbours is not in the token.
      decodes: variant.name != "added")
  }

  @Test("a memory of words takes no word for another, also when it has met more than it holds")
  func memory() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    var memory = WordMemory()
    var random = SeededGenerator(seed: 1, stream: "words")
    for _ in 0..<60_000 {
      let word = String((0...random.index(below: 18)).map { _ in Array("abcde")[random.index(below: 5)] })
      let found = try tokenizer.encode(word, memory: &memory)
      guard try found != tokenizer.encode(word) else { continue }
      Issue.record("\(word) has become \(found)")
    }
  }

  @Test("the fingerprint is that of the file")
  func fingerprint() throws {
    let file = Fixtures.model + "/tokenizer.json"
    #expect(try ModelDirectory.tokenizer(at: Fixtures.model).fingerprint == SHA256.hash(file: file))
  }

  @Test("what cannot change ids is accepted: what is added around a text, offsets, merges as strings")
  func accepted() throws {
    var file = try TokenizerVariant.base()
    file["post_processor"] = JSONValue(
      """
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
      {"Sequence": {"id": "A", "type_id": 0}}], "pair": [],
      "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}}}
      """)
    file["pre_tokenizer", "pretokenizers", "1", "trim_offsets"] = .bool(false)
    file["model", "fuse_unk"] = .bool(true)
    file["model", "continuing_subword_prefix"] = .string("")
    let merges = file["model", "merges"]!.arrayValue!.map { "\($0["0"]!.stringValue!) \($0["1"]!.stringValue!)" }
    file["model", "merges"] = .array(merges.map { .string($0) })
    let expectations = try TokenizerExpectations()
    try expectTokens(try Tokenizer(json: file.bytes), expectations.texts, expectations.ids("hard"))
  }

  private func expectTokens(
    _ tokenizer: Tokenizer, _ texts: [String], _ expected: [[Int]], decodes: Bool = true
  ) throws {
    #expect(texts.count == expected.count)
    var memory = WordMemory()
    for (text, ids) in zip(texts, expected) {
      let found = try tokenizer.encode(text)
      #expect(found == ids, "\(text.prefix(80).debugDescription)")
      #expect(try tokenizer.encode(text, memory: &memory) == ids, "\(text.prefix(80).debugDescription), with a memory")
      guard decodes else { continue }
      let decoded = try tokenizer.decode(found)
      #expect(decoded.utf8.elementsEqual(text.utf8), "\(text.prefix(80).debugDescription)")
    }
  }

  @Test("special tokens are left out of decoded text where asked, added ones are found by their text")
  func specialTokens() throws {
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    let ids = try tokenizer.encode("a<|endoftext|>b")
    #expect(try tokenizer.decode(ids, skipSpecial: true) == "ab")
    #expect(try tokenizer.decode(ids) == "a<|endoftext|>b")
    #expect(tokenizer.addedToken("<|endoftext|>") == 0)
    #expect(tokenizer.addedToken("the") == nil)
  }

  @Test("an id that stands for nothing is an error of the argument", arguments: [-1, 4096, 4098, Int.max, Int.min])
  func idOutOfRange(_ id: Int) throws {
    // A vocabulary with a hole at 4096 and 4098.
    var file = try TokenizerVariant.base()
    file["model", "vocab", "left"] = .integer(4097)
    file["model", "vocab", "right"] = .integer(4099)
    let tokenizer = try Tokenizer(json: file.bytes)
    #expect(tokenizer.vocabularySize == 4100)
    #expect(try tokenizer.decode([4097, 4099]) == "leftright")
    #expect(expectProblem(.tokenOutOfRange) { try tokenizer.decode([1, id]) }?.category == .argument)
  }

  /// A change of tokenizer.json that must be refused.
  struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let problem: Problem
    let path: [String]
    let value: JSONValue?

    init(_ name: String, _ path: [String], _ json: String?, _ problem: Problem = .tokenizerUnsupported) {
      testDescription = name
      self.problem = problem
      self.path = path
      value = json.map { JSONValue($0) }
    }
  }

  static let refusals: [Refusal] = [
    Refusal("another model", ["model", "type"], #""WordPiece""#),
    Refusal("dropout", ["model", "dropout"], "0.1"),
    Refusal("a normalizer of other models", ["normalizer"], #"{"type": "BertNormalizer"}"#),
    Refusal("a normalizer without a type", ["normalizer"], "{}", .wrongField),
    Refusal("a normalizer without its text", ["normalizer"], #"{"type": "Prepend"}"#, .missingField),
    Refusal("a table of characters that is cut off", ["normalizer"], precompiled("AAEAAA=="), .wrongField),
    Refusal("a table of characters that is no Base64", ["normalizer"], precompiled("?"), .wrongField),
    Refusal("a pre-tokenizer of other models", ["pre_tokenizer"], #"{"type": "BertPreTokenizer"}"#),
    Refusal("a pattern that is no expression", ["pre_tokenizer"], split(#"{"Regex": "("}"#)),
    Refusal("a pattern with a reference", ["pre_tokenizer"], split(#"{"Regex": "(a)\\1"}"#)),
    Refusal("no pattern", ["pre_tokenizer"], split("{}"), .missingField),
    Refusal("an unknown behaviour", ["pre_tokenizer"], split(known, behavior: "Kept"), .wrongField),
    Refusal("another decoder", ["decoder"], #"{"type": "WordPiece"}"#),
    Refusal("a post-processor that leaves the text out", ["post_processor"], template("[]"), .wrongField),
    Refusal("a post-processor with a second text", ["post_processor"], template(#"[{"Sequence": {"id": "B"}}]"#)),
    Refusal(
      "a post-processor with an unknown token", ["post_processor"],
      template(#"[{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]"#), .missingField),
    Refusal(
      "a post-processor with an id beyond the vocabulary", ["post_processor"],
      #"{"type": "BertProcessing", "cls": ["<s>", 1], "sep": ["</s>", 1000000]}"#, .wrongField),
    Refusal("no id", ["added_tokens"], added(#""special": true"#), .wrongField),
    Refusal("a negative id", ["added_tokens"], added(#""id": -1"#), .wrongField),
    Refusal("no model", ["model"], nil, .missingField),
    Refusal("no vocabulary", ["model", "vocab"], nil, .missingField),
    Refusal("no merges", ["model", "merges"], nil, .missingField),
    Refusal("an id that is no number", ["model", "vocab", "the"], #""1878""#, .wrongField),
    Refusal("an id beyond all vocabularies", ["model", "vocab", "the"], "4000000000", .wrongField),
    Refusal("an id twice", ["model", "vocab", "the"], "300", .wrongField),
    Refusal("a merge of three", ["model", "merges"], #"[["a", "b", "c"]]"#, .wrongField),
    Refusal("a merge of unknown tokens", ["model", "merges"], #"[["a", "nobody"]]"#, .wrongField),
    Refusal("a merge that is a number", ["model", "merges"], "[1]", .wrongField),
  ]

  /// The pattern of Qwen 2.
  private static let known = JSONWriter.compact(
    TokenizerVariant.all.first { $0.name == "qwen2" }!.changes["pre_tokenizer", "pretokenizers", "0", "pattern"]!)

  private static func split(_ pattern: String, behavior: String = "Isolated", usesPattern: Bool = false) -> String {
    """
    {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": \(pattern), "behavior": "\(behavior)", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": \(usesPattern)}]}
    """
  }

  private static func precompiled(_ map: String) -> String {
    #"{"type": "Precompiled", "precompiled_charsmap": "\#(map)"}"#
  }

  private static func template(_ single: String) -> String {
    #"{"type": "TemplateProcessing", "single": \#(single), "pair": [], "special_tokens": {}}"#
  }

  private static func added(_ fields: String) -> String { #"[{"content": "<new>", \#(fields)}]"# }

  @Test("a tokenizer that would give other ids is refused", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    var file = try TokenizerVariant.base()
    file[refusal.path] = refusal.value
    expectProblem(refusal.problem) { try Tokenizer(json: file.bytes) }
  }

  @Test("a tokenizer.json that cannot be read is named")
  func fileNamed() throws {
    let scratch = TemporaryDirectory()
    let missing = expectProblem(.tokenizerMissing) { try ModelDirectory.tokenizer(at: scratch.path) }
    #expect(missing?.file == scratch.path)
    let path = scratch.write("tokenizer.json", "[1]")
    #expect(expectProblem(.wrongField) { try ModelDirectory.tokenizer(at: path) }?.file == path)
  }
}
