import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

/// What scripts/make_tokenizer_expectations.py wrote: texts and the ids of the package `tokenizers`.
struct TokenizerExpectations {
  private let golden: Golden

  init() throws { golden = try Golden("expectations", in: "tokenizer") }

  func ids(_ name: String) -> [[Int]] { golden.lists(name) }

  /// The hard strings.
  var texts: [String] {
    golden.lists("texts").map { String(decoding: $0.map { UInt8($0) }, as: UTF8.self) }
  }

  /// The held-out text, each document cut after runs of line breaks and after a full stop with a space, as the script
  /// cuts it.
  static func pieces() throws -> [String] {
    try FileSystem.read(Fixtures.text, limit: 1 << 24).split(separator: 0x0A).flatMap { line in
      let document = Array(try #require(try JSONCursor.parse(Array(line)).objectValue?["text"]?.stringValue).utf8)
      let ends = document.indices.dropFirst().filter { end in
        (document[end - 1] == 0x0A && document[end] != 0x0A)
          || document[max(0, end - 2)..<end].elementsEqual(". ".utf8)
      }
      return zip([0] + ends, ends + [document.count]).map { String(decoding: document[$0..<$1], as: UTF8.self) }
    }
  }
}

/// A change of the fixture's tokenizer.json, as the script describes it in variants.json.
struct TokenizerVariant: CustomTestStringConvertible, Sendable {
  let name: String
  let changes: JSONValue

  var testDescription: String { name }

  static let all: [TokenizerVariant] = {
    let bytes = try! FileSystem.read(Fixtures.path("tokenizer/variants.json"), limit: 1 << 20)
    return try! JSONCursor.parse(bytes).arrayValue!.map {
      TokenizerVariant(name: $0["name"]!.stringValue!, changes: $0)
    }
  }()

  /// The fixture's tokenizer.json.
  static func base() throws -> JSONValue {
    try JSONCursor.parse(try FileSystem.read(Fixtures.model + "/tokenizer.json", limit: 1 << 20))
  }

  /// The changed tokenizer.json.
  func file() throws -> [UInt8] {
    var file = try Self.base()
    if let steps = changes["pre_tokenizer"] { file["pre_tokenizer"] = steps }
    if let tokens = changes["added_tokens"]?.arrayValue {
      file["added_tokens"] = .array(file["added_tokens"]!.arrayValue! + tokens)
    }
    if let ignores = changes["ignore_merges"] { file["model", "ignore_merges"] = ignores }
    var merges = file["model", "merges"]!.arrayValue!
    if let count = changes["merges"]?.integerValue { merges = Array(merges.prefix(count)) }
    if let again = changes["again"]?.integerValue { merges.append(merges[again]) }
    file["model", "merges"] = .array(merges)
    for (word, id) in changes["words"]?.objectValue?.members ?? [] { file["model", "vocab", word] = id }
    return file.bytes
  }
}
