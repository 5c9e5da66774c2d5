import HybridizeCore
import HybridizeEvaluation

/// Consecutive documents of a text: all of them, those to train on, or those held out.
public struct TokenDocuments: Sendable {
  let file: TokenFile
  let range: Range<Int>

  /// All documents.
  public init(_ file: TokenFile) { self.init(file, 0..<file.documentCount) }

  private init(_ file: TokenFile, _ range: Range<Int>) {
    self.file = file
    self.range = range
  }

  public var count: Int { range.count }

  public var tokenCount: Int {
    range.isEmpty
      ? 0 : file.tokens(of: range.upperBound - 1).upperBound - file.tokens(of: range.lowerBound).lowerBound
  }

  /// Parts the last `count` documents, in the order of the file, from the rest.
  ///
  /// - Throws: `.tooFewDocuments` if no rest would be left.
  /// - Precondition: `count` is not negative.
  public func split(last count: Int) throws(HybridizeError) -> (rest: TokenDocuments, last: TokenDocuments) {
    precondition(count >= 0, "\(count) documents")
    guard count < range.count else {
      throw HybridizeError(
        .tooFewDocuments, expected: "more than the \(count) to hold out", found: "\(range.count)",
        remedy: "give a longer text, or hold out less")
    }
    let middle = range.upperBound - count
    return (TokenDocuments(file, range.lowerBound..<middle), TokenDocuments(file, middle..<range.upperBound))
  }

  /// The documents in the order of the file, one behind the other, in sequences of `length` tokens; a last stretch that is
  /// shorter is left out.
  ///
  /// - Precondition: `length` is positive.
  public func sequences(of length: Int) -> [TokenSequence] {
    var builder = SequenceBuilder(length: length)
    var sequences: [TokenSequence] = []
    for document in range {
      var rest = file.tokens(of: document)
      builder.beginDocument()
      while !rest.isEmpty {
        rest = builder.take(rest, of: file)
        if builder.isFull { sequences.append(builder.finish()) }
      }
    }
    return sequences
  }
}

/// A sequence that is being put together.
struct SequenceBuilder {
  let length: Int
  private var ids: [Int] = []
  private var documentStarts: [Int] = []

  /// - Precondition: `length` is positive.
  init(length: Int) {
    precondition(length > 0, "sequences of \(length) tokens")
    self.length = length
    ids.reserveCapacity(length)
  }

  var isFull: Bool { ids.count == length }

  /// Says that the next token begins a document.
  mutating func beginDocument() { documentStarts.append(ids.count) }

  /// Takes as many tokens as fit, and gives back the others.
  mutating func take(_ tokens: Range<Int>, of file: TokenFile) -> Range<Int> {
    let middle = min(tokens.upperBound, tokens.lowerBound + length - ids.count)
    file.append(tokens.lowerBound..<middle, to: &ids)
    return middle..<tokens.upperBound
  }

  /// The sequence; the next one is begun.
  ///
  /// - Precondition: `isFull`.
  mutating func finish() -> TokenSequence {
    precondition(isFull, "a sequence of \(ids.count) tokens")
    defer {
      ids.removeAll(keepingCapacity: true)
      documentStarts = []
    }
    return TokenSequence(ids: ids, documentStarts: documentStarts)
  }
}

extension Problem {
  public static let tooFewDocuments = Problem("tooFewDocuments", .argument, "the text has too few documents")
}
