import HybridizeCore
import HybridizeFormats

/// Texts as one endless stream of sequences to train on.
///
/// Each text is gone through again and again, its documents in another order each time; the texts take turns document by
/// document, so that each has its share of the tokens of all documents that have been begun: none is ever ahead of its
/// share by more than one of its documents.
///
/// Several lanes read documents side by side, and sequences come from one lane after the other: so many consecutive
/// sequences are of so many different documents, and a batch tells more than a stretch of one document would. Within a
/// lane, documents follow each other and go on from one sequence to the next.
///
/// The same texts, shares, lanes and seed give the same stream. It holds one number for each document and nothing else.
public struct TextMixture: Sendable {
  /// Sequences that have been given.
  public private(set) var position = 0
  /// Tells streams apart: a training goes on only with the one that it began with.
  public let fingerprint: String
  private var texts: [ShuffledText]
  private var lanes: [Lane]
  /// Tokens of all documents that have been begun.
  private var total = 0

  /// - Parameters:
  ///   - shares: each text's share of the tokens, in proportion to the others.
  ///   - length: tokens a sequence.
  ///   - lanes: documents that are read side by side, usually the sequences of a batch.
  ///   - position: sequences that have been given before; the stream goes on behind them.
  /// - Throws: `.badArgument` for shares that are none, or not as many as texts.
  /// - Precondition: `length` and `lanes` are positive, `position` not negative, no text is empty, and there is one.
  public init(
    _ texts: [TokenDocuments], shares: [Double], length: Int, lanes: Int = 1, seed: UInt64, position: Int = 0
  ) throws(HybridizeError) {
    precondition(!texts.isEmpty && texts.allSatisfy { $0.count > 0 }, "no documents to train on")
    precondition(lanes > 0 && position >= 0, "\(lanes) lanes, position \(position)")
    let sum = shares.reduce(0, +)
    guard shares.count == texts.count, shares.allSatisfy({ $0 > 0 }), sum.isFinite else {
      throw HybridizeError(
        .badArgument, expected: "\(NumberText.counted(texts.count, "share")) above zero",
        found: shares.map { "\($0)" }.joined(separator: ", "))
    }
    self.texts = zip(texts, shares).enumerated().map { index, text in
      ShuffledText(text.0, share: text.1 / sum, seed: seed, index: index)
    }
    self.lanes = Array(repeating: Lane(builder: SequenceBuilder(length: length)), count: lanes)
    fingerprint = Self.fingerprint(texts, shares.map { $0 / sum }, length, lanes, seed)
    _ = try CheckedMath.multiply(position, length)
    for _ in 0..<position { skipSequence() }
  }

  /// The next sequences.
  ///
  /// - Precondition: `count` is not negative.
  public mutating func next(_ count: Int) -> TokenBatch {
    TokenBatch((0..<count).map { _ in nextSequence() })
  }

  private mutating func nextSequence() -> TokenSequence {
    let lane = position % lanes.count
    while !lanes[lane].builder.isFull {
      if lanes[lane].tokens.isEmpty {
        beginDocument(in: lane)
        lanes[lane].builder.beginDocument()
      }
      lanes[lane].tokens = lanes[lane].builder.take(lanes[lane].tokens, of: texts[lanes[lane].text].documents.file)
    }
    position += 1
    return lanes[lane].builder.finish()
  }

  /// Goes on by a sequence without reading it.
  mutating func skipSequence() {
    let lane = position % lanes.count
    var rest = lanes[lane].builder.length
    while rest > 0 {
      if lanes[lane].tokens.isEmpty { beginDocument(in: lane) }
      let taken = min(rest, lanes[lane].tokens.count)
      lanes[lane].tokens.removeFirst(taken)
      rest -= taken
    }
    position += 1
  }

  /// Takes a document of the text that is farthest behind its share.
  private mutating func beginDocument(in lane: Int) {
    var farthest = 0
    for text in texts.indices where texts[text].lag(total) > texts[farthest].lag(total) { farthest = text }
    lanes[lane].text = farthest
    lanes[lane].tokens = texts[farthest].next()
    total += lanes[lane].tokens.count
  }

  private static func fingerprint(
    _ texts: [TokenDocuments], _ shares: [Double], _ length: Int, _ lanes: Int, _ seed: UInt64
  ) -> String {
    let parts =
      zip(texts, shares).map { "\($0.file.digest) \($0.range) \($0.span) \($1)" } + ["\(length) \(lanes) \(seed)"]
    return SHA256.hash(text: parts.joined(separator: "\n"))
  }
}

/// A document that is being read, and the sequence that it goes into.
private struct Lane {
  var builder: SequenceBuilder
  var text = 0
  /// What is left of the document.
  var tokens = 0..<0
}

/// A text that is gone through in another order each time.
private struct ShuffledText {
  let documents: TokenDocuments
  let share: Double
  private let seed: UInt64
  private let index: Int
  /// How often the text has been begun.
  private var rounds = 0
  /// What this time is still to come, the last first.
  private var order: [UInt32] = []
  /// Tokens that it has given.
  private var given = 0

  init(_ documents: TokenDocuments, share: Double, seed: UInt64, index: Int) {
    self.documents = documents
    self.share = share
    self.seed = seed
    self.index = index
  }

  /// Tokens by which it is behind its share of `total`.
  func lag(_ total: Int) -> Double { share * Double(total) - Double(given) }

  mutating func next() -> Range<Int> {
    if order.isEmpty {
      var random = SeededGenerator(seed: seed, stream: "text \(index), round \(rounds)")
      order = random.sample(documents.count, of: documents.range.map { UInt32($0) })
      rounds += 1
    }
    let tokens = documents.tokens(of: Int(order.removeLast()))
    given += tokens.count
    return tokens
  }
}
