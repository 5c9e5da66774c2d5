import HybridizeCore
import HybridizeEvaluation

/// Consecutive documents of a text: all of them, those to train on, or those held out. Where the text is one document, or a
/// part of it is held out, the first and the last may be cut.
public struct TokenDocuments: Sendable {
  let file: TokenFile
  let range: Range<Int>
  /// Which tokens of the file they have.
  let span: Range<Int>

  /// All documents.
  public init(_ file: TokenFile) { self.init(file, 0..<file.documentCount, 0..<file.tokenCount) }

  private init(_ file: TokenFile, _ range: Range<Int>, _ span: Range<Int>) {
    self.file = file
    self.range = range
    self.span = span
  }

  public var count: Int { range.count }

  public var tokenCount: Int { span.count }

  /// Where the tokens of a document are among all tokens of the file.
  ///
  /// - Precondition: `document` is in `range`.
  func tokens(of document: Int) -> Range<Int> { file.tokens(of: document).clamped(to: span) }

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
    return part(range.upperBound - count)
  }

  /// Parts documents from a document on from those before it.
  private func part(_ middle: Int) -> (rest: TokenDocuments, last: TokenDocuments) {
    let place = middle < range.upperBound ? tokens(of: middle).lowerBound : span.upperBound
    return (
      TokenDocuments(file, range.lowerBound..<middle, span.lowerBound..<place),
      TokenDocuments(file, middle..<range.upperBound, place..<span.upperBound)
    )
  }

  /// Parts the last `count` tokens from the rest. The document that they begin in is on both sides.
  ///
  /// - Precondition: there are more tokens.
  func cut(last count: Int) -> (rest: TokenDocuments, last: TokenDocuments) {
    precondition((1..<tokenCount).contains(count), "\(count) of \(tokenCount) tokens")
    let place = span.upperBound - count
    // The document that holds the place.
    var (low, high) = (range.lowerBound, range.upperBound - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if tokens(of: middle).lowerBound <= place { low = middle } else { high = middle - 1 }
    }
    let isBetween = tokens(of: low).lowerBound == place
    return (
      TokenDocuments(file, range.lowerBound..<(isBetween ? low : low + 1), span.lowerBound..<place),
      TokenDocuments(file, low..<range.upperBound, place..<span.upperBound)
    )
  }

  /// The documents in the order of the file, one behind the other, in sequences of `length` tokens; a last stretch that is
  /// shorter is left out.
  ///
  /// - Precondition: `length` is positive.
  public func sequences(of length: Int) -> [TokenSequence] {
    var builder = SequenceBuilder(length: length)
    var sequences: [TokenSequence] = []
    for document in range {
      var rest = tokens(of: document)
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
