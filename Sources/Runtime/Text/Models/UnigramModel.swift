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

/// Pieces by their beginnings.
struct PieceTrie: Sendable {
  private struct Entry {
    var key: UInt64 = .max
    var child: Int32 = 0
  }

  /// Children by node and byte, by open addressing.
  private var entries: [Entry]
  private let mask: Int
  private var roots = [Int32](repeating: 0, count: 256)
  /// The piece that ends in a node; -1 for none.
  private var pieces: [Int32] = [-1]

  /// Of equal pieces the last counts. Empty ones are never found.
  init(_ texts: [[UInt8]]) {
    var size = 16
    while size < 2 * texts.reduce(0, { $0 + $1.count }) { size *= 2 }
    entries = Array(repeating: Entry(), count: size)
    mask = size - 1
    for (id, text) in texts.enumerated() where !text.isEmpty {
      var node: Int32 = 0
      for byte in text {
        var child = child(of: node, byte)
        if child == 0 {
          child = Int32(pieces.count)
          pieces.append(-1)
          insert(node, byte, child)
        }
        node = child
      }
      pieces[Int(node)] = Int32(id)
    }
  }

  private func slot(_ key: UInt64) -> Int {
    // The wrapping product spreads the bits; that is all that it is for.
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 20) & mask
    while entries[slot].key != key && entries[slot].key != .max { slot = (slot + 1) & mask }
    return slot
  }

  private func child(of node: Int32, _ byte: UInt8) -> Int32 {
    if node == 0 { return roots[Int(byte)] }
    let key = UInt64(node) << 8 | UInt64(byte)
    let entry = entries[slot(key)]
    return entry.key == key ? entry.child : 0
  }

  private mutating func insert(_ node: Int32, _ byte: UInt8, _ child: Int32) {
    if node == 0 {
      roots[Int(byte)] = child
      return
    }
    let key = UInt64(node) << 8 | UInt64(byte)
    entries[slot(key)] = Entry(key: key, child: child)
  }

  /// Calls `body` with each piece that `bytes` begins with and its length, shortest first.
  func prefixes(of bytes: ArraySlice<UInt8>, _ body: (_ piece: Int, _ length: Int) -> Void) {
    var node: Int32 = 0
    var length = 0
    for byte in bytes {
      node = child(of: node, byte)
      guard node != 0 else { return }
      length += 1
      if pieces[Int(node)] >= 0 { body(Int(pieces[Int(node)]), length) }
    }
  }

  /// The piece that is just these bytes.
  func id(of bytes: ArraySlice<UInt8>) -> Int? {
    var node: Int32 = 0
    for byte in bytes {
      node = child(of: node, byte)
      guard node != 0 else { return nil }
    }
    return pieces[Int(node)] < 0 ? nil : Int(pieces[Int(node)])
  }
}
