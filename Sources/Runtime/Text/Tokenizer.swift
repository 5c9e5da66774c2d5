import HybridizeCore
import HybridizeFormats

/// A tokenizer as Hugging Face's tokenizer.json or SentencePiece's model describes it: text to ids and back, as the package
/// `tokenizers` and the library SentencePiece do it.
public final class Tokenizer: Sendable {
  /// SHA-256 of the file that it was made from, with the tokens that it puts around a text if there are any, in 64 lower-case
  /// hexadecimal digits.
  public let fingerprint: String
  private let fileFingerprint: String
  private let definition: TokenizerDefinition
  /// What of the files does not hold and was done otherwise, a sentence each.
  public let warnings: [String]
  private let normalizer: TextNormalizer?
  /// Looked for in the text, and in what the normalizer makes of it.
  private let addedTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  private let steps: PreTokenizerSteps
  private let model: any WordModel
  private let decoder: TokenDecoder?
  private let prefix: [Int]
  private let suffix: [Int]
  /// The text of each id; `nil` for ids that stand for nothing.
  private let texts: [String?]
  private let specialTexts: Set<UTF8Key>
  private let addedIDs: [UTF8Key: Int]

  /// Which tokens are put around a text beside its own: those of the tokenizer's post-processor, for instance the token that
  /// begins every document.
  public struct SpecialTokens: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// What stands in front of a document.
    public static let before = SpecialTokens(rawValue: 1)
    /// What stands behind a document.
    public static let after = SpecialTokens(rawValue: 2)
    public static let all: SpecialTokens = [.before, .after]
    public static let none: SpecialTokens = []
  }

  /// - Parameter bytes: the text of tokenizer.json.
  /// - Throws: JSON problems, `.missingField`, `.wrongField`, and `.tokenizerUnsupported` for anything that would give
  ///   other ids than its author's tokenizer.
  public convenience init(json bytes: [UInt8]) throws(HybridizeError) {
    let definition = try TokenizerFile.definition(try JSONCursor.parse(bytes))
    try self.init(definition, fingerprint: bytes.withUnsafeBytes { SHA256.hash($0) })
  }

  /// - Parameters:
  ///   - bytes: the text of SentencePiece's tokenizer.model.
  ///   - configuration: tokenizer_config.json beside it, which says what is put around a document (`add_bos_token`, true
  ///     unless given, and `add_eos_token`) and which tokens are found in a text as they are (`added_tokens_decoder`).
  /// - Throws: `.notASentencePieceModel`, `.tokenizerUnsupported`, `.wrongField`.
  public convenience init(
    sentencePiece bytes: [UInt8], configuration: JSONObject? = nil
  ) throws(HybridizeError) {
    var definition = try SentencePieceFile(bytes).definition(
      beginsDocuments: configuration?["add_bos_token"]?.boolValue ?? true,
      endsDocuments: configuration?["add_eos_token"]?.boolValue ?? false)
    let added = VocabularyFiles.addedTokens(configuration)
    try definition.place(added)
    let hash = bytes.withUnsafeBytes { SHA256.hash($0) }
    let rest = added.isEmpty ? "" : SHA256.hash(text: JSONWriter.compact(.array(added)))
    try self.init(definition, fingerprint: added.isEmpty ? hash : SHA256.hash(text: hash + rest))
  }

  /// - Parameters:
  ///   - vocabulary: vocab.json.
  ///   - merges: the text of merges.txt.
  ///   - configuration: tokenizer_config.json, if there is one.
  ///   - modelType: of config.json.
  /// - Throws: what `init(json:)` throws.
  public convenience init(
    vocabulary: JSONValue, merges: String, configuration: JSONObject?, modelType: String?
  ) throws(HybridizeError) {
    let file = try VocabularyFiles.tokenizer(
      vocabulary: vocabulary, merges: merges, configuration: configuration, modelType: modelType)
    try self.init(TokenizerFile.definition(file), fingerprint: SHA256.hash(text: JSONWriter.compact(file)))
  }

  init(_ definition: TokenizerDefinition, fingerprint: String) throws(HybridizeError) {
    self.definition = definition
    // Ids depend on what is put around a text too.
    let frame = "\(definition.prefix) \(definition.suffix)"
    self.fingerprint = frame == "[] []" ? fingerprint : SHA256.hash(text: "\(fingerprint) \(frame)")
    fileFingerprint = fingerprint
    warnings = definition.warnings
    normalizer = definition.normalizer
    var texts = definition.texts
    var normalized: [AddedTokens.Token] = []
    var isMoved = false
    for token in definition.addedTokens where token.isNormalized {
      var token = token
      // A text that is normalized away is found nowhere; one that is changed is decoded as what it has become.
      token.text =
        try definition.normalizer?.applied(to: token.text[...], continues: false, losesStart: &isMoved) ?? token.text
      texts[token.id] = String(decoding: token.text, as: UTF8.self)
      normalized.append(token)
    }
    addedTokens = AddedTokens(definition.addedTokens.filter { !$0.isNormalized })
    normalizedTokens = AddedTokens(normalized)
    steps = PreTokenizerSteps(steps: definition.steps)
    model = definition.model
    decoder = definition.decoder
    (prefix, suffix) = (definition.prefix, definition.suffix)
    self.texts = texts
    specialTexts = Set(definition.addedTokens.filter(\.isSpecial).map(\.key))
      .union(definition.specialIDs.compactMap { texts[$0].map(UTF8Key.init) })
    addedIDs = Dictionary(definition.addedTokens.map { ($0.key, $0.id) }, uniquingKeysWith: { first, _ in first })
  }

  /// The same without the tokens that the post-processor puts around a text.
  public func withoutSpecialTokens() throws(HybridizeError) -> Tokenizer {
    var definition = definition
    (definition.prefix, definition.suffix) = ([], [])
    return try Tokenizer(definition, fingerprint: fileFingerprint)
  }

  /// Ids that there can be: one more than the largest.
  public var vocabularySize: Int { texts.count }

  /// Tokens that the post-processor puts in front of a document and behind it.
  public var frame: (before: [Int], after: [Int]) { (prefix, suffix) }

  /// The ids of a text. Added tokens within it are recognised.
  ///
  /// - Parameters:
  ///   - special: which tokens of the post-processor are put around it.
  ///   - continues: the text goes on behind others of its document, so that nothing is put in front of its first word.
  /// - Throws: `.tokenizerPatternRunsAway`; `.tokenizerUnsupported` for a character that has no token.
  public func encode(
    _ text: String, special: SpecialTokens = .none, continues: Bool = false
  ) throws(HybridizeError) -> [Int] {
    var ids = special.contains(.before) ? prefix : []
    try forEachWord(of: text, continues: continues, into: &ids) { (text, word, ids) throws(HybridizeError) in
      try model.encode(text, word, into: &ids)
    }
    if special.contains(.after) { ids += suffix }
    return ids
  }

  /// The same, faster for one of many texts.
  ///
  /// - Parameter memory: of this tokenizer's.
  package func encode(
    _ text: String, special: SpecialTokens = .none, continues: Bool = false, memory: inout WordMemory
  ) throws(HybridizeError) -> [Int] {
    var ids = special.contains(.before) ? prefix : []
    try forEachWord(of: text, continues: continues, into: &ids) { (text, word, ids) throws(HybridizeError) in
      guard let key = WordMemory.Key(text.bytes, word) else { return try model.encode(text, word, into: &ids) }
      guard !memory.append(key, to: &ids) else { return }
      let start = ids.count
      try model.encode(text, word, into: &ids)
      memory.remember(key, ids[start...])
    }
    if special.contains(.after) { ids += suffix }
    return ids
  }

  /// - Parameter body: appends the ids of a word.
  private func forEachWord(
    of text: String, continues: Bool, into ids: inout [Int],
    _ body: (ClassifiedText, Range<Int>, inout [Int]) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    let text = ClassifiedText(text)
    for piece in addedTokens.pieces(of: text, 0..<text.bytes.count) {
      guard case .text(let range) = piece else {
        if case .token(let id) = piece { ids.append(id) }
        continue
      }
      var (normalized, place) = (text, range)
      // Only the first piece of a text can go on from another.
      let goesOn = continues && range.lowerBound == 0
      var losesStart = false
      if let changed = try normalizer?.applied(to: text.bytes[range], continues: goesOn, losesStart: &losesStart) {
        normalized = ClassifiedText(bytes: changed)
        place = 0..<changed.count
      }
      for inner in normalizedTokens.pieces(of: normalized, place) {
        switch inner {
        case .token(let id): ids.append(id)
        case .text(let words):
          let isFirst = range.lowerBound == 0 && words.lowerBound == place.lowerBound && !losesStart
          try steps.forEachWord(
            of: normalized, words, isFirst: isFirst, continues: continues && isFirst
          ) { (text, word) throws(HybridizeError) in try body(text, word, &ids) }
        }
      }
    }
  }

  private func text(of id: Int) throws(HybridizeError) -> String {
    guard texts.indices.contains(id), let text = texts[id] else {
      throw HybridizeError(.tokenOutOfRange, expected: "0 to \(vocabularySize - 1)", found: "\(id)")
    }
    return text
  }

  /// The bytes that a token stands for within a text. They need not be whole characters.
  ///
  /// - Throws: `.tokenOutOfRange`.
  public func bytes(of id: Int) throws(HybridizeError) -> [UInt8] {
    let text = try text(of: id)
    return try decoder?.bytes(of: text) ?? Array(text.utf8)
  }

  /// The text of ids, with U+FFFD for what is no character.
  ///
  /// - Parameter skipSpecial: leave special tokens out.
  /// - Throws: `.tokenOutOfRange`, `.tokenizerPatternRunsAway`.
  public func decode(_ ids: [Int], skipSpecial: Bool = false) throws(HybridizeError) -> String {
    var tokens: [String] = []
    for id in ids {
      let text = try text(of: id)
      if !(skipSpecial && specialTexts.contains(UTF8Key(text))) { tokens.append(text) }
    }
    guard let decoder else { return tokens.joined(separator: " ") }
    return try decoder.decode(tokens).joined()
  }

  /// Whether the text of ids is that of each, one after the other.
  var decodesByToken: Bool { decoder?.isByteLevel ?? false }

  /// The id of a token, added or not, by its text in the vocabulary.
  public func id(of text: String) -> Int? {
    addedIDs[UTF8Key(text)] ?? texts.firstIndex { $0.map(UTF8Key.init) == UTF8Key(text) }
  }

  /// The id of an added token by its text.
  public func addedToken(_ text: String) -> Int? { addedIDs[UTF8Key(text)] }
}

extension AddedTokens.Token {
  fileprivate var key: UTF8Key { UTF8Key(String(decoding: text, as: UTF8.self)) }
}
