import HybridizeCore

/// SentencePiece's byte-pair encoding: of all neighbours that make a piece together, those with the best score are merged first.
struct ScoredPairModel: WordModel {
  private let merges: PairMerges
  /// Characters and pieces that stand for themselves, by their bytes; those without a piece have ids above all pieces.
  private let symbols: VocabularyTable
  private let userDefined: PieceTrie
  private let userDefinedIDs: [Int]
  private let pieceCount: Int
  /// The characters that have no piece but occur in one.
  private let strangers: [[UInt8]]
  private let unknown: Int
  private let byteTokens: [Int?]?

  init(_ pieces: [SentencePieceFile.Piece], unknown: Int, byteTokens: [Int?]?) {
    pieceCount = pieces.count
    self.unknown = unknown
    self.byteTokens = byteTokens
    userDefinedIDs = pieces.indices.filter { pieces[$0].kind == .userDefined }
    userDefined = PieceTrie(userDefinedIDs.map { Array(pieces[$0].text.utf8) })

    let normal = pieces.indices.filter { pieces[$0].kind == .normal }
    var table = VocabularyTable(capacity: normal.count + normal.reduce(0) { $0 + pieces[$1].text.unicodeScalars.count })
    for id in normal { table.insert(Array(pieces[id].text.utf8)[...], id: id) }
    var strangers: [[UInt8]] = []
    // Equal scores are equal ranks.
    var ranks: [Float: Int] = [:]
    for score in Set(normal.map { pieces[$0].score }).sorted(by: >) { ranks[score] = ranks.count }
    var pairs: [(first: Int, second: Int, merged: Int, rank: Int)] = []
    for id in normal {
      let text = Array(pieces[id].text.utf8)
      let starts = text.indices.filter { text[$0] & 0xC0 != 0x80 }
      guard starts.count > 1 else { continue }
      for (start, end) in zip(starts, starts.dropFirst() + [text.count]) where table.id(of: text[start..<end]) == nil {
        table.insert(text[start..<end], id: pieces.count + strangers.count)
        strangers.append(Array(text[start..<end]))
      }
      for cut in starts.dropFirst() {
        guard let first = table.id(of: text[..<cut]), let second = table.id(of: text[cut...]) else { continue }
        pairs.append((first, second, id, ranks[pieces[id].score] ?? 0))
      }
    }
    merges = PairMerges(ranked: pairs)
    symbols = table
    self.strangers = strangers
  }

  func encode(_ text: ClassifiedText, _ word: Range<Int>, into ids: inout [Int]) {
    var parts: [Int] = []
    parts.reserveCapacity(word.count)
    // Characters that occur in no piece, with ids above all others.
    var unseen: [Range<Int>] = []
    let firstUnseen = pieceCount + strangers.count
    var index = word.lowerBound
    while index < word.upperBound {
      var matched: (piece: Int, length: Int)?
      userDefined.prefixes(of: text.bytes[index..<word.upperBound]) { matched = ($0, $1) }
      if let matched {
        parts.append(userDefinedIDs[matched.piece])
        index += matched.length
        continue
      }
      let end = text.nextCharacter(after: index)
      if let id = symbols.id(of: text.bytes[index..<end]) {
        parts.append(id)
      } else {
        parts.append(firstUnseen + unseen.count)
        unseen.append(index..<end)
      }
      index = end
    }
    var merged: [Int] = []
    merges.encode(parts, into: &merged)
    var isBehindUnknown = false
    for id in merged {
      guard id >= pieceCount else {
        ids.append(id)
        isBehindUnknown = id == unknown
        continue
      }
      let bytes = id < firstUnseen ? strangers[id - pieceCount][...] : text.bytes[unseen[id - firstUnseen]]
      if let byteTokens {
        ids += bytes.compactMap { byteTokens[Int($0)] }
      } else {
        // Unknown characters in a row are one.
        if !isBehindUnknown { ids.append(unknown) }
        isBehindUnknown = true
      }
    }
  }
}
