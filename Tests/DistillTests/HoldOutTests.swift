import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport
import Testing

@Suite("what is held out of a text")
struct HoldOutTests {
  let texts: LetterTexts

  init() throws { texts = try LetterTexts() }

  private typealias Parts = (rest: TokenDocuments, last: TokenDocuments)

  /// All tokens, in order.
  private func ids(_ documents: TokenDocuments) -> [Int] { documents.sequences(of: 1).flatMap(\.ids) }

  private func expectParts(_ parts: Parts, _ file: TokenFile, length: Int, _ comment: Comment) {
    #expect(ids(parts.rest) + ids(parts.last) == ids(TokenDocuments(file)), comment)
    #expect(parts.rest.tokenCount > 0 && parts.rest.count > 0, comment)
    #expect(!parts.last.sequences(of: length).isEmpty, comment)
    #expect(parts.rest.tokenCount + parts.last.tokenCount == file.tokenCount, comment)
  }

  @Test("of 1 to 50 documents: neither side is empty, and no document is on both", arguments: 1...50)
  func everyCount(_ count: Int) throws {
    for seed in 0..<4 as Range<UInt64> {
      let documents = LetterTexts.documents(count, text: 0, longest: [6, 40, 300, 40][Int(seed)], seed: seed)
      let file = try texts.tokens("a\(seed).jsonl", documents)
      var random = SeededGenerator(seed: seed, stream: "sizes of \(count)")
      for _ in 0..<20 {
        let (sequences, length) = (1 + random.index(below: 60), 1 + random.index(below: 80))
        let all = TokenDocuments(file)
        let comment: Comment = "\(documents.map(\.count)), \(sequences) of \(length)"
        let parts: Parts
        do {
          parts = try all.holdOut(sequences: sequences, of: length, name: "a")
        } catch {
          #expect(error.problem == .tooFewDocuments && error.file == "a", comment)
          // One side would be without a sequence, whatever is held out.
          let behindFirst = file.tokenCount - documents[0].count - 1
          #expect(file.tokenCount < 2 * length || count > 1 && behindFirst < length, comment)
          continue
        }
        expectParts(parts, file, length: length, comment)
        if count > 1 {
          #expect(parts.rest.count + parts.last.count == count, comment)
          let starts = Set(parts.rest.sequences(of: 1).flatMap(\.documentStarts)).count
          #expect(starts <= parts.rest.count, comment)
          // No more than is asked for, than a twentieth, or than a sequence takes.
          if parts.last.count > 1, parts.last.count > count / 20 {
            let held = documents.suffix(parts.last.count - 1).reduce(0) { $0 + $1.count + 1 }
            #expect(held < length, comment)
          }
        } else {
          #expect(parts.last.tokenCount % length == 0 && parts.last.tokenCount <= max(length, file.tokenCount / 20))
        }
      }
    }
  }

  @Test("ten documents of which a twentieth is none: the last is held out")
  func ten() throws {
    let documents = LetterTexts.documents(10, text: 0, longest: 60, seed: 1).map { $0 + "abcdefgh" }
    let file = try texts.tokens("a.jsonl", documents)
    let parts = try TokenDocuments(file).holdOut(sequences: 16, of: 8, name: "a")
    #expect(ids(parts.last) == LetterTexts.ids(documents[9]))
    #expect(parts.rest.count == 9)
  }

  @Test("of a hundred documents no more than a twentieth, or than is wanted")
  func hundred() throws {
    let documents = (0..<100).map { _ in "abcdefghi" }
    let file = try texts.tokens("a.jsonl", documents)
    for (sequences, held) in [(1, 2), (2, 3), (3, 4), (4, 5), (5, 5), (1000, 5), (Int.max, 5)] {
      #expect(try TokenDocuments(file).holdOut(sequences: sequences, of: 10, name: "a").last.count == held)
    }
    // A sequence of 75 tokens needs eight documents.
    #expect(try TokenDocuments(file).holdOut(sequences: 1, of: 75, name: "a").last.count == 8)
  }

  @Test("one document is cut at its end, a twentieth of it or a sequence", arguments: [1, 3])
  func oneDocument(_ pieces: Int) throws {
    // A plain text of several stretches is one document all the same.
    let text = String(repeating: "abcdefg ", count: pieces == 1 ? 500 : 30_000)
    let file = try texts.cache().tokens(of: texts.scratch.write("a.txt", text))
    #expect((file.documentCount == 1) == (pieces == 1) && file.isOneDocument)
    let all = ids(TokenDocuments(file))
    for (sequences, length, held) in [
      (2, 10, 20), (1000, 10, all.count / 200 * 10), (5, 1000, max(1, all.count / 20_000) * 1000),
    ] {
      let parts = try TokenDocuments(file).holdOut(
        sequences: sequences, of: length, isOneDocument: file.isOneDocument, name: "a")
      expectParts(parts, file, length: length, "\(sequences) of \(length)")
      #expect(ids(parts.last) == all.suffix(min(held, sequences * length)))
    }
  }

  @Test("a text that is too short for both sides says how long it has to be")
  func tooShort() throws {
    let file = try texts.tokens("a.jsonl", ["abcd", "ef"])
    let failure = expectProblem(.tooFewDocuments) { try TokenDocuments(file).holdOut(sequences: 1, of: 5, name: "a") }
    #expect(failure?.expected?.contains("at least 10 tokens") == true && failure?.found == "8 tokens")
    #expect(failure?.remedy?.contains("--length") == true)
    let order = expectProblem(.tooFewDocuments) { try TokenDocuments(file).holdOut(sequences: 1, of: 4, name: "a") }
    #expect(order?.found == "3 tokens in 1 document")
    #expect(try TokenDocuments(file).holdOut(sequences: 1, of: 3, name: "a").last.tokenCount == 3)
  }

  @Test("a training of a text that is cut never sees what is held out")
  func mixture() throws {
    let text = (0..<3000).map { String(LetterTexts.letters[$0 * $0 % 25]) }.joined()
    let file = try texts.cache().tokens(of: texts.scratch.write("a.txt", text + "zzzzzzzzz"))
    let parts = try TokenDocuments(file).holdOut(sequences: 1, of: 10, isOneDocument: true, name: "a")
    #expect(ids(parts.last) == [Int](repeating: 25, count: 9) + [LetterTexts.end])
    var mixture = try TextMixture([parts.rest], shares: [1], length: 100, seed: 1)
    let batch = mixture.next(90)
    #expect(!batch.sequences.flatMap(\.ids).contains(25))
    #expect(batch.sequences.flatMap(\.ids).prefix(3000).elementsEqual(ids(parts.rest)))
    // What is held out is part of what a training goes on with.
    let other = try TokenDocuments(file).holdOut(sequences: 1, of: 11, isOneDocument: true, name: "a")
    #expect(try TextMixture([other.rest], shares: [1], length: 100, seed: 1).fingerprint != mixture.fingerprint)
  }
}
