import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport

/// Texts in a scratch folder with a tokenizer that has a token a letter, so that a test knows all ids.
struct LetterTexts {
  let scratch = TemporaryDirectory()
  let tokenizer: Tokenizer

  static let letters = Array("abcdefghijklmnopqrstuvwxyz")
  /// An id that no letter has.
  static let end = 29

  init() throws { tokenizer = try Self.makeTokenizer(letters: 26) }

  static func makeTokenizer(letters count: Int) throws -> Tokenizer {
    var vocabulary: JSONObject = [:]
    for (id, letter) in letters.prefix(count).enumerated() { vocabulary[String(letter)] = .integer(id) }
    let bytes: JSONValue = .object(["type": .string("ByteLevel"), "add_prefix_space": .bool(false)])
    let file: JSONObject = [
      "model": .object(["type": .string("BPE"), "vocab": .object(vocabulary), "merges": .array([])]),
      "pre_tokenizer": bytes, "decoder": bytes,
    ]
    return try Tokenizer(json: Array(JSONWriter.compact(.object(file)).utf8))
  }

  static func configuration(vocabulary: Int = 30, end: JSONValue? = .integer(end)) throws -> ModelConfiguration {
    var config = try PicoModel().config.objectValue ?? [:]
    config["vocab_size"] = .integer(vocabulary)
    config["eos_token_id"] = end
    return try ModelConfiguration(json: config)
  }

  func cache(
    tokenizer other: Tokenizer? = nil, vocabulary: Int = 30, end: JSONValue? = .integer(end), threads: Int = 2,
    progress: Progress = .silent
  ) throws -> TokenCache {
    TokenCache(
      folder: scratch.makeDirectory("cache"), tokenizer: other ?? tokenizer,
      configuration: try Self.configuration(vocabulary: vocabulary, end: end), threads: threads, progress: progress)
  }

  /// A `.jsonl` file of these documents.
  func write(_ name: String, _ documents: [String]) -> String {
    scratch.write(name, documents.map { #"{"text": "\#($0)"}"# + "\n" }.joined())
  }

  /// The token file of these documents.
  func tokens(_ name: String, _ documents: [String]) throws -> TokenFile {
    try cache().tokens(of: write(name, documents))
  }

  /// The only token file of the folder.
  var file: String { "cache/" + (scratch.entries("cache").first ?? "") }

  /// Documents of which no two are alike, not even of two texts.
  static func documents(_ count: Int, text: Int, longest: Int, seed: UInt64) -> [String] {
    var random = SeededGenerator(seed: seed, stream: "documents of \(text)")
    return (0..<count).map { index in
      let name = [text, index / 26, index % 26].map { letters[$0] }
      return String(name + (0..<random.index(below: longest - 3)).map { _ in letters[random.index(below: 26)] })
    }
  }

  /// The ids of a document as they are in a stream.
  static func ids(_ document: String) -> [Int] { document.map { letters.firstIndex(of: $0)! } + [end] }

  /// The documents that sequences hold, parted where they say that one begins; what comes before the first is left out, and
  /// the last may be cut.
  static func documents(of sequences: [TokenSequence]) -> [[Int]] {
    var documents: [[Int]] = []
    for sequence in sequences {
      let starts = Set(sequence.documentStarts)
      for (place, id) in sequence.ids.enumerated() {
        if starts.contains(place) { documents.append([]) }
        if !documents.isEmpty { documents[documents.count - 1].append(id) }
      }
    }
    return documents
  }

  /// All documents of a token file.
  static func documents(_ file: TokenFile) -> [[Int]] { documents(of: TokenDocuments(file).sequences(of: 1)) }
}

extension TokenCache {
  func tokens(of path: String) throws(HybridizeError) -> TokenFile { try tokens(of: TextSource(path)) }
}
