import HybridizeCore
import HybridizeDistill
import TestSupport
import Testing

@Suite("a mixture of texts")
struct TextMixtureTests {
  let texts: LetterTexts

  init() throws { texts = try LetterTexts() }

  /// Texts of documents of random length, as many as numbers.
  private func make(_ counts: [Int], longest: Int = 40, seed: UInt64 = 1) throws -> [TokenDocuments] {
    try counts.enumerated().map { text, count in
      let documents = LetterTexts.documents(count, text: text, longest: longest, seed: seed)
      return TokenDocuments(try texts.tokens("\(text) \(seed).jsonl", documents))
    }
  }

  private func documents(_ count: Int, text: Int, longest: Int = 40, seed: UInt64 = 1) -> [[Int]] {
    LetterTexts.documents(count, text: text, longest: longest, seed: seed).map(LetterTexts.ids)
  }

  @Test("has each document once in each round, in another order each time and for each seed")
  func rounds() throws {
    let text = try make([50])
    let all = documents(50, text: 0)
    var orders: Set<[[Int]]> = []
    for seed in 0..<3 as Range<UInt64> {
      var mixture = try TextMixture(text, shares: [1], length: 7, seed: seed)
      let found = LetterTexts.documents(of: mixture.next(4 * text[0].tokenCount / 7).sequences)
      for round in 0..<3 {
        let order = Array(found[round * 50..<round * 50 + 50])
        #expect(Set(order) == Set(all), "seed \(seed), round \(round)")
        orders.insert(order)
      }
    }
    #expect(orders.count == 9)
    #expect(!orders.contains(all))
  }

  @Test("goes through two texts that are the same in orders of their own")
  func twins() throws {
    let text = try make([40])[0]
    var mixture = try TextMixture([text, text], shares: [1, 1], length: 1, seed: 3)
    let found = LetterTexts.documents(of: mixture.next(2 * text.tokenCount).sequences).prefix(40)
    #expect(Set(found).count < 40)
  }

  struct Mix: CustomTestStringConvertible, Sendable {
    let counts: [Int]
    let shares: [Double]
    var longest = 60

    var testDescription: String { "\(counts) \(shares)" }
  }

  static let mixes = [
    Mix(counts: [300], shares: [0.3]), Mix(counts: [300, 20], shares: [0.95, 0.05]),
    Mix(counts: [7, 300], shares: [0.5, 0.5], longest: 400), Mix(counts: [300, 20, 20], shares: [98, 1, 1]),
    Mix(counts: [40, 1, 200, 9], shares: [0.1, 0.6, 0.05, 0.25], longest: 200),
  ]

  @Test("holds the shares from the beginning to any point", arguments: mixes)
  func shares(_ mix: Mix) throws {
    var owners: [[Int]: Int] = [:]
    var longest: [Int] = []
    for (text, count) in mix.counts.enumerated() {
      let documents = documents(count, text: text, longest: mix.longest)
      for document in documents { owners[document] = text }
      longest.append(documents.map(\.count).max() ?? 0)
    }
    var mixture = try TextMixture(
      make(mix.counts, longest: mix.longest), shares: mix.shares, length: 16, seed: 5)
    let sum = mix.shares.reduce(0, +)
    var given = mix.counts.map { _ in 0 }
    var total = 0
    for document in LetterTexts.documents(of: mixture.next(2000).sequences).dropLast() {
      let owner = try #require(owners[document], "a document that is whole")
      // Within a document the text's lead grows from token to token: its end is the worst place.
      given[owner] += document.count
      total += document.count
      for (text, share) in mix.shares.enumerated() {
        let lead = Double(given[text]) - share / sum * Double(total)
        #expect(lead <= Double(longest[text]), "text \(text) at \(total)")
        if mix.counts.count == 2 { #expect(-lead <= Double(longest[1 - text]), "text \(text) at \(total)") }
      }
    }
    #expect(total > 31_000)
  }

  @Test("goes on from any position as if it had never stopped, in batches of any size", arguments: mixes)
  func positions(_ mix: Mix) throws {
    let all = try make(mix.counts, longest: mix.longest)
    for (length, lanes) in [(1, 1), (13, 1), (13, 5), (100, 8)] {
      var whole = try TextMixture(all, shares: mix.shares, length: length, lanes: lanes, seed: 2)
      let count = 7000 / length + 70
      let expected = whole.next(count).sequences
      #expect(expected.count == count && expected.allSatisfy { $0.ids.count == length } && whole.position == count)
      var random = SeededGenerator(seed: 1, stream: mix.testDescription)
      for position in [0, 1, 2, count - 1] + (0..<40).map({ _ in random.index(below: count) }) {
        var resumed = try TextMixture(
          all, shares: mix.shares, length: length, lanes: lanes, seed: 2, position: position)
        #expect(resumed.position == position)
        let rest = count - position
        let batches = [min(rest, random.index(below: 9)), min(rest, 9)]
        let found = batches.flatMap { resumed.next($0).sequences }.prefix(rest)
        #expect(found.elementsEqual(expected[position..<position + found.count]), "length \(length), \(position)")
      }
    }
  }

  @Test("reads different documents in each lane, and has each document once in each round")
  func lanes() throws {
    let text = try make([60], longest: 90)
    let all = documents(60, text: 0, longest: 90)
    let lanes = 4
    let length = 11
    var mixture = try TextMixture(text, shares: [1], length: length, lanes: lanes, seed: 6)
    let rounds = 3
    let sequences = mixture.next(lanes * (rounds * text[0].tokenCount / length / lanes)).sequences
    var seen: [[Int]] = []
    for lane in 0..<lanes {
      let own = stride(from: lane, to: sequences.count, by: lanes).map { sequences[$0] }
      seen += LetterTexts.documents(of: own).dropLast()
    }
    #expect(Set(seen) == Set(all))
    // Each lane may have begun one that it has not ended.
    for document in all {
      let count = seen.count { $0 == document }
      #expect(count >= rounds - 1 && count <= rounds, "\(count) times")
    }
    for batch in stride(from: 0, to: sequences.count, by: lanes) {
      let stretches = Set(sequences[batch..<batch + lanes].map(\.ids))
      #expect(stretches.count == lanes)
    }
  }

  @Test("a position that no stream can have is an error")
  func hugePosition() throws {
    let text = try make([3])
    expectProblem(.sizeOverflow) { try TextMixture(text, shares: [1], length: 8, seed: 0, position: .max) }
  }

  @Test("differs by seed, and is the same for the same one")
  func seeds() throws {
    let all = try make([60, 60])
    func stream(_ seed: UInt64) throws -> TokenBatch {
      var mixture = try TextMixture(all, shares: [0.5, 0.5], length: 32, seed: seed)
      return mixture.next(20)
    }
    #expect(try stream(1) == stream(1))
    #expect(try stream(1) != stream(2))
  }

  @Test("of one short document is that document without end")
  func oneDocument() throws {
    let text = TokenDocuments(try texts.tokens("a.jsonl", ["ab"]))
    var mixture = try TextMixture([text], shares: [1], length: 4, seed: 0)
    #expect(
      mixture.next(2).sequences == [
        TokenSequence(ids: [0, 1, 29, 0], documentStarts: [0, 3]),
        TokenSequence(ids: [1, 29, 0, 1], documentStarts: [2]),
      ])
    #expect(mixture.next(0).sequences == [] && mixture.position == 2)
  }

  @Test("never has documents that are held out, which come in the order of the file")
  func heldOut() throws {
    let (rest, last) = try make([50])[0].split(last: 12)
    #expect(rest.count == 38 && last.count == 12)
    #expect(rest.tokenCount + last.tokenCount == documents(50, text: 0).joined().count)
    var mixture = try TextMixture([rest], shares: [1], length: 9, seed: 4)
    let seen = Set(LetterTexts.documents(of: mixture.next(3 * rest.tokenCount / 9).sequences).dropLast())
    #expect(seen == Set(documents(50, text: 0).prefix(38)))

    let expected = documents(50, text: 0).suffix(12)
    let sequences = last.sequences(of: 9)
    #expect(sequences.count == last.tokenCount / 9)
    #expect(Array(sequences.map(\.ids).joined()) == Array(expected.joined().prefix(sequences.count * 9)))
    #expect(LetterTexts.documents(of: last.sequences(of: 1)) == Array(expected))
    #expect(try last.split(last: 0).last.sequences(of: 1) == [] && last.split(last: 0).rest.count == 12)
  }

  @Test("cannot hold out all documents", arguments: [50, 51, Int.max])
  func tooFew(_ count: Int) throws {
    let text = try make([50])[0]
    #expect(expectProblem(.tooFewDocuments) { try text.split(last: count) }?.category == .argument)
  }

  @Test(
    "shares are above zero and as many as texts",
    arguments: [[], [1], [1, 2, 3], [1, 0], [-1, 2], [1, .nan], [1, .infinity]] as [[Double]])
  func badShares(_ shares: [Double]) throws {
    let all = try make([3, 3])
    expectProblem(.badArgument) { try TextMixture(all, shares: shares, length: 8, seed: 0) }
  }

  @Test("has a fingerprint that all that makes it goes into, and nothing else")
  func fingerprints() throws {
    let all = try make([20, 20])
    let other = try make([20, 20], seed: 2)
    func fingerprint(
      _ texts: [TokenDocuments], _ shares: [Double] = [0.5, 0.5], length: Int = 8, lanes: Int = 1, seed: UInt64 = 0,
      position: Int = 0
    ) throws -> String {
      try TextMixture(texts, shares: shares, length: length, lanes: lanes, seed: seed, position: position).fingerprint
    }
    let first = try fingerprint(all)
    #expect(try fingerprint(all, position: 5) == first)
    #expect(try fingerprint(all, [3, 3]) == first, "shares are in proportion")
    #expect(try fingerprint(make([20, 20])) == first)
    let others = [
      try fingerprint(all.reversed()), try fingerprint([all[0], other[1]]), try fingerprint(all, [0.4, 0.6]),
      try fingerprint(all, length: 9), try fingerprint(all, lanes: 2), try fingerprint(all, seed: 1),
      try fingerprint([all[0].split(last: 1).rest, all[1]]),
    ]
    #expect(Set(others + [first]).count == others.count + 1)
  }
}
