/// Text for one step: sequences of one length, each a stretch of documents that follow each other.
public struct TokenBatch: Sendable, Equatable {
  public let sequences: [TokenSequence]

  public init(_ sequences: [TokenSequence]) { self.sequences = sequences }

  public var tokenCount: Int { sequences.reduce(0) { $0 + $1.ids.count } }
}

/// A stretch of text as a model sees it.
public struct TokenSequence: Sendable, Equatable {
  public let ids: [Int]
  /// Where documents begin within the stretch, ascending; 0 is among them only if one begins there.
  public let documentStarts: [Int]

  public init(ids: [Int], documentStarts: [Int] = []) {
    self.ids = ids
    self.documentStarts = documentStarts
  }
}
