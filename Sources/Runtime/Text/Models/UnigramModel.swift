import HybridizeCore

/// The most likely way to write a word in pieces (Kudo 2018), by the algorithm of Viterbi.
struct UnigramModel: WordModel {
  struct Piece: Sendable {
    let bytes: [UInt8]
    let score: Double
  }

  /// Whose way of adding scores up, and of treating what is unknown, is followed.
  enum Arithmetic: Sendable {
    /// The package `tokenizers`: sums in double precision; what is unknown is looked up once more as a whole.
    case tokenizers
    /// SentencePiece: the sum at each place is rounded to single precision.
    case sentencePiece
  }

  private let trie: PieceTrie
  private let scores: [Double]
  private let unknown: Int?
  private let unknownScore: Double
  /// The tokens of all bytes that have one; `nil` without a fallback.
  private let byteTokens: [Int?]?
  private let arithmetic: Arithmetic

  /// What an unknown character costs beyond the least likely piece.
  private static let unknownPenalty = 10.0

  /// - Parameters:
  ///   - pieces: by id; an empty one is never found.
  ///   - least: the score of the least likely piece.
  init(
    _ pieces: [Piece], unknown: Int?, byteTokens: [Int?]?, least: Double? = nil, arithmetic: Arithmetic = .tokenizers
  ) {
    trie = PieceTrie(pieces.map(\.bytes))
    scores = pieces.map(\.score)
    self.unknown = unknown
    let score = (least ?? pieces.map(\.score).min() ?? 0) - Self.unknownPenalty
    unknownScore = arithmetic == .tokenizers ? score : Double(Float(score))
    self.byteTokens = byteTokens
    self.arithmetic = arithmetic
  }

  /// The best way to a place in the word.
  private struct Step {
    var id = -1
    var score = 0.0
    var start = -1
  }

  func encode(_ text: ClassifiedText, _ word: Range<Int>, into ids: inout [Int]) throws(HybridizeError) {
    var best = [Step](repeating: Step(), count: word.count + 1)
    var index = word.lowerBound
    while index < word.upperBound {
      let place = index - word.lowerBound
      let length = text.nextCharacter(after: index) - index
      let reached = best[place].score
      var isKnown = false
      func offer(_ id: Int, _ length: Int, _ score: Double) {
        let sum = reached + score
        if best[place + length].start < 0 || sum > best[place + length].score {
          let kept = arithmetic == .tokenizers ? sum : Double(Float(sum))
          best[place + length] = Step(id: id, score: kept, start: place)
        }
      }
      trie.prefixes(of: text.bytes[index..<word.upperBound]) { id, found in
        offer(id, found, scores[id])
        if found == length { isKnown = true }
      }
      if !isKnown { offer(unknown ?? -1, length, unknownScore) }
      index += length
    }
    try append(best, text, word, to: &ids)
  }

  private func append(
    _ best: [Step], _ text: ClassifiedText, _ word: Range<Int>, to ids: inout [Int]
  ) throws(HybridizeError) {
    var pieces: [(id: Int, place: Range<Int>)] = []
    var end = word.count
    while end > 0 {
      let step = best[end]
      let place = word.lowerBound + step.start..<word.lowerBound + end
      // Unknown characters in a row are one piece.
      if step.id == unknown ?? -1, let last = pieces.last, last.id == step.id {
        pieces[pieces.count - 1].place = place.lowerBound..<last.place.upperBound
      } else {
        pieces.append((step.id, place))
      }
      end = step.start
    }
    for (id, place) in pieces.reversed() {
      guard id == unknown ?? -1 else {
        ids.append(id)
        continue
      }
      // What was unknown character by character can be a piece as a whole.
      if arithmetic == .tokenizers, let whole = trie.id(of: text.bytes[place]) {
        ids.append(whole)
      } else if let bytes = bytes(of: text.bytes[place]) {
        ids += bytes
      } else if let unknown {
        ids.append(unknown)
      } else {
        throw HybridizeError(
          .tokenizerUnsupported, expected: "unk_id, as the text has a character that no token stands for",
          found: String(decoding: text.bytes[place].prefix(64), as: UTF8.self))
      }
    }
  }

  private func bytes(of piece: ArraySlice<UInt8>) -> [Int]? {
    guard let byteTokens else { return nil }
    var tokens: [Int] = []
    for byte in piece {
      guard let token = byteTokens[Int(byte)] else { return nil }
      tokens.append(token)
    }
    return tokens
  }
}
