import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the bytes of a file, decompressed on the way")
struct ByteStreamTests {
  let scratch = TemporaryDirectory()

  /// All bytes of a stream, in pieces of at most `piece`.
  private func read(_ path: String, piece: Int = 1000) throws -> [UInt8] {
    let stream = try ByteStream(path)
    let buffer = OwnedBytes(count: piece)
    var bytes: [UInt8] = []
    var offset = 0
    while true {
      let count = try stream.next(into: buffer.bytes)
      #expect((0...piece).contains(count) && (offset...stream.size).contains(stream.offset))
      guard count > 0 else { break }
      offset = stream.offset
      bytes += buffer.bytes[..<count]
    }
    #expect(try stream.next(into: buffer.bytes) == 0, "the end stays the end")
    #expect(stream.offset == stream.size || stream.offset > 0)
    return bytes
  }

  private static func random(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8(random.index(below: 256)) }
  }

  @Test("come in order, whatever the pieces", arguments: [1, 999, 1 << 20])
  func pieces(_ piece: Int) throws {
    let parts = [5000, 0, 300_000, 1].enumerated().map { Self.random($1, seed: UInt64($0)) }
    let frames = [
      ZstdBytes.frame(parts[0]), ZstdBytes.skippable([1, 2, 3]), ZstdBytes.frame(parts[1]),
      ZstdBytes.frame(parts[2], claims: nil), ZstdBytes.frame(parts[3]), ZstdBytes.skippable([]),
    ]
    let content = Array(parts.joined())
    #expect(try read(scratch.write("a", content), piece: piece) == content)
    #expect(try read(scratch.write("a.zst", Array(frames.joined())), piece: piece) == content)
  }

  @Test("are none in an empty file", arguments: ["a", "a.zst"])
  func empty(_ name: String) throws {
    #expect(try read(scratch.write(name, [UInt8]())) == [])
  }

  struct Hostile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    let problem: Problem
  }

  static let frame = ZstdBytes.frame(random(3000, seed: 9))
  static let hostile = [
    Hostile(testDescription: "no zstd", bytes: Array("text".utf8), problem: .zstdForeignBytes),
    Hostile(testDescription: "a cut frame", bytes: frame.dropLast(), problem: .truncatedData),
    Hostile(testDescription: "a cut second frame", bytes: frame + frame.dropLast(7), problem: .truncatedData),
    Hostile(testDescription: "bytes after the last frame", bytes: frame + [1, 2, 3, 4], problem: .zstdForeignBytes),
    Hostile(
      testDescription: "a frame that holds more than it says",
      bytes: ZstdBytes.frame(random(3000, seed: 9), claims: 2999), problem: .zstdDamaged),
    Hostile(
      testDescription: "a byte repeated more than a thousand times the file",
      bytes: ZstdBytes.repeated(0x61, 257 << 20, claims: nil), problem: .zstdOutOfProportion),
    Hostile(
      testDescription: "the same in many frames",
      bytes: Array(
        [[UInt8]](repeating: ZstdBytes.repeated(0x61, 1 << 20, claims: 1 << 20), count: 257).joined()),
      problem: .zstdOutOfProportion),
  ]

  @Test("of a zstd file that is none, or a bomb, are an error that names the file", arguments: hostile)
  func refusal(_ file: Hostile) throws {
    let path = scratch.write("a.zst", file.bytes)
    let stream = try ByteStream(path)
    let buffer = OwnedBytes(count: 1 << 20)
    let failure = expectProblem(file.problem) { while try stream.next(into: buffer.bytes) > 0 {} }
    #expect(failure?.file == path)
  }
}
