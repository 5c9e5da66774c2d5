import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("stream decoder")
struct StreamDecoderTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model) }

  /// What comes out for each token, and last what was left.
  private func stream(_ ids: [Int]) throws -> [String] {
    var decoder = StreamDecoder(tokenizer)
    return try ids.map { try decoder.add($0) } + [decoder.finish()]
  }

  @Test("any tokens stream as they decode at once")
  func randomTokens() throws {
    for seed in 0..<200 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed, stream: "stream")
      let ids = (0..<60).map { _ in generator.index(below: tokenizer.vocabularySize) }
      #expect(try stream(ids).joined().utf8.elementsEqual(tokenizer.decode(ids).utf8), "seed \(seed)")
    }
  }

  /// Bytes that begin, continue and break characters, far more often than text has them.
  @Test("broken UTF-8 streams as it decodes at once")
  func randomBytes() throws {
    let bytes = try Self.byteTokens(tokenizer)
    let hard: [UInt8] = [
      0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
    ]
    for seed in 0..<200 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed, stream: "bytes")
      let ids = (0..<200).map { _ in bytes[Int(hard[generator.index(below: hard.count)])] }
      #expect(try stream(ids).joined().utf8.elementsEqual(tokenizer.decode(ids).utf8), "seed \(seed)")
    }
  }

  @Test("a character comes out whole, with its last byte")
  func wholeCharacters() throws {
    let bytes = try Self.byteTokens(tokenizer)
    for character in ["a", "é", "€", "中", "😀", "\u{10FFFF}", "\u{FFFD}"] {
      let ids = character.utf8.map { bytes[Int($0)] }
      #expect(try stream(ids) == Array(repeating: "", count: ids.count - 1) + [character, ""])
    }
  }

  @Test("of well-formed text no replacement character is shown, however it is cut into bytes")
  func noReplacement() throws {
    let text = try TokenizerExpectations().texts.joined().filter { $0 != "\u{FFFD}" }
    let bytes = try Self.byteTokens(tokenizer)
    let parts = try stream(text.utf8.map { bytes[Int($0)] })
    #expect(!parts.contains { $0.unicodeScalars.contains("\u{FFFD}") })
    #expect(parts.joined().utf8.elementsEqual(text.utf8))
  }

  @Test("a character that never becomes whole is shown as one replacement at the end, once")
  func unfinished() throws {
    let bytes = try Self.byteTokens(tokenizer)
    var decoder = StreamDecoder(tokenizer)
    #expect(try decoder.add(bytes[0xE2]) == "")
    #expect(try decoder.add(bytes[0x82]) == "")
    #expect(decoder.finish() == "\u{FFFD}")
    #expect(decoder.finish() == "")
  }

  @Test("a token that does not exist is an error and changes nothing")
  func outOfRange() throws {
    let bytes = try Self.byteTokens(tokenizer)
    var decoder = StreamDecoder(tokenizer)
    _ = try decoder.add(bytes[0xC3])
    for id in [-1, tokenizer.vocabularySize] {
      #expect(expectProblem(.tokenOutOfRange) { try decoder.add(id) }?.category == .argument)
    }
    #expect(try decoder.add(bytes[0xA9]) == "é")
  }

  /// The token of each byte by itself.
  private static func byteTokens(_ tokenizer: Tokenizer) throws -> [Int] {
    var tokens = [Int?](repeating: nil, count: 256)
    for id in (0..<tokenizer.vocabularySize).reversed() {
      let bytes = try tokenizer.bytes(of: id)
      if bytes.count == 1 { tokens[Int(bytes[0])] = id }
    }
    return try tokens.map { try #require($0) }
  }
}
