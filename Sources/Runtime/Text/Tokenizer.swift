import HybridizeCore
import HybridizeFormats

/// A byte-level BPE tokenizer as Hugging Face's tokenizer.json describes it.
public final class Tokenizer: Sendable {
  /// SHA-256 of the tokenizer.json that it was made from, in 64 lower-case hexadecimal digits.
  public let fingerprint: String
  private let addedTokens: AddedTokens
  private let splitsDigits: Bool
  private let pattern: SplitPattern
  private let model: BytePairEncoding
  /// The token of each byte; `nil` for a byte that the vocabulary lacks, which then is left out of the ids.
  private let byteTokens: [Int?]
  /// Words that are tokens as they are, for models that look there first.
  private let wholeWords: [[UInt8]: Int]?
  /// The bytes of each token; `nil` for ids that stand for nothing.
  private let tokenBytes: [[UInt8]?]
  private let specialTokens: Set<Int>

  /// - Parameter bytes: the text of tokenizer.json.
  /// - Throws: JSON problems, `.missingField`, `.wrongField`, and `.tokenizerUnsupported` for anything that would give
  ///   other ids than its author's tokenizer.
  public init(json bytes: [UInt8]) throws(HybridizeError) {
    let file = try TokenizerFile(try JSONCursor.parse(bytes))
    fingerprint = bytes.withUnsafeBytes { SHA256.hash($0) }
    addedTokens = AddedTokens(file.addedTokens)
    splitsDigits = file.splitsDigits
    pattern = file.pattern
    model = BytePairEncoding(file.merges)
    byteTokens = ByteAlphabet.characters.map { file.vocabulary[UTF8Key(String($0))] }
    var tokens = [[UInt8]?](repeating: nil, count: file.size)
    var words: [[UInt8]: Int] = [:]
    for (token, id) in file.vocabulary {
      let bytes = ByteAlphabet.decode(token.string)
      tokens[id] = bytes ?? Array(token.string.utf8)
      // A token outside the alphabet of bytes is never met in a text.
      if let bytes { words[bytes] = id }
    }
    wholeWords = file.ignoresMerges ? words : nil
    for token in file.addedTokens { tokens[token.id] = token.text }
    tokenBytes = tokens
    specialTokens = Set(file.addedTokens.filter(\.isSpecial).map(\.id))
  }

  /// Ids that there can be: one more than the largest.
  public var vocabularySize: Int { tokenBytes.count }

  /// The ids of a text. Added tokens within it are recognised, none are put in front or behind.
  public func encode(_ text: String) -> [Int] {
    let text = ClassifiedText(text)
    return encode(text) { range, ids in
      pattern.split(text, range) { encode(text, word: $0, into: &ids) }
    }
  }

  /// The same, faster for one of many texts.
  ///
  /// - Parameter memory: of this tokenizer's.
  package func encode(_ text: String, memory: inout WordMemory) -> [Int] {
    let text = ClassifiedText(text)
    return encode(text) { range, ids in
      pattern.split(text, range) { word in
        guard let key = WordMemory.Key(text.bytes, word) else { return encode(text, word: word, into: &ids) }
        guard !memory.append(key, to: &ids) else { return }
        let start = ids.count
        encode(text, word: word, into: &ids)
        memory.remember(key, ids[start...])
      }
    }
  }

  /// - Parameter body: appends the ids of a range of the text in which there is no added token.
  private func encode(_ text: ClassifiedText, _ body: (Range<Int>, inout [Int]) -> Void) -> [Int] {
    var ids: [Int] = []
    addedTokens.split(text) { piece in
      switch piece {
      case .token(let id): ids.append(id)
      case .text(let range): splitDigits(text, range) { body($0, &ids) }
      }
    }
    return ids
  }

  /// Cuts every digit off where the tokenizer wants it.
  private func splitDigits(_ text: ClassifiedText, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
    guard splitsDigits else { return body(range) }
    var index = range.lowerBound
    while index < range.upperBound {
      let (kind, length) = text.character(at: index)
      let end = kind == .number ? index + length : text.run(from: index, to: range.upperBound) { $0 != .number }
      body(index..<end)
      index = end
    }
  }

  private func encode(_ text: ClassifiedText, word: Range<Int>, into ids: inout [Int]) {
    if let id = wholeWords?[Array(text.bytes[word])] {
      ids.append(id)
    } else {
      model.encode(text.bytes[word].compactMap { byteTokens[Int($0)] }, into: &ids)
    }
  }

  /// The bytes of a token. They need not be whole characters.
  ///
  /// - Throws: `.tokenOutOfRange`.
  public func bytes(of id: Int) throws(HybridizeError) -> [UInt8] {
    guard tokenBytes.indices.contains(id), let bytes = tokenBytes[id] else {
      throw HybridizeError(.tokenOutOfRange, expected: "0 to \(vocabularySize - 1)", found: "\(id)")
    }
    return bytes
  }

  /// The text of ids, with U+FFFD for what is no character.
  ///
  /// - Parameter skipSpecial: leave special tokens out.
  /// - Throws: `.tokenOutOfRange`.
  public func decode(_ ids: [Int], skipSpecial: Bool = false) throws(HybridizeError) -> String {
    var text: [UInt8] = []
    for id in ids where !(skipSpecial && specialTokens.contains(id)) { text += try bytes(of: id) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The id of an added token by its text.
  public func addedToken(_ text: String) -> Int? {
    addedTokens.tokens.first { $0.text.elementsEqual(text.utf8) }?.id
  }
}
