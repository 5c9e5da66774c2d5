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
    // The name says nothing that the first bytes do not.
    for name in ["a.zst", "a", "a.gz"] {
      #expect(try read(scratch.write(name, Array(frames.joined())), piece: piece) == content)
    }
    let members = parts.map { GzipBytes.member($0) } + [GzipBytes.member(Array("end".utf8), name: "name")]
    for name in ["a.gz", "a.ZST", "a"] {
      let bytes = Array(members.joined())
      #expect(try read(scratch.write(name, bytes), piece: piece) == content + Array("end".utf8))
      #expect(try read(scratch.write(name, bytes + [0, 0, 0]), piece: piece) == content + Array("end".utf8))
    }
  }

  @Test("are none in an empty file", arguments: ["a", "a.zst", "a.gz"])
  func empty(_ name: String) throws {
    #expect(try read(scratch.write(name, [UInt8]())) == [])
  }

  struct Hostile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var name = "a.zst"
    let bytes: [UInt8]
    let problem: Problem
  }

  @Test("of files that gzip, Python and zstd have written are those of the plain file")
  func fixtures() throws {
    let plain = try FileSystem.read(Fixtures.path("texts/documents.jsonl"), limit: 1 << 20)
    #expect(try read(Fixtures.path("texts/documents.jsonl.gz")) == plain)
    #expect(try read(Fixtures.path("texts/documents.jsonl.zst")) == plain)
    #expect(try read(Fixtures.path("texts/zeros.gz"), piece: 1 << 20) == [UInt8](repeating: 0, count: 8 << 20))
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
    Hostile(testDescription: "no gzip", name: "a.gz", bytes: Array("text".utf8), problem: .gzipForeignBytes),
    Hostile(testDescription: "half a magic number", name: "a.gz", bytes: [0x1F], problem: .truncatedData),
    Hostile(testDescription: "zeros alone", name: "a.gz", bytes: [0, 0, 0, 0], problem: .gzipForeignBytes),
    Hostile(testDescription: "text after a member", name: "a", bytes: member + [0x61], problem: .gzipForeignBytes),
    Hostile(
      testDescription: "a member after zeros", name: "a", bytes: member + [0, 0] + member, problem: .gzipForeignBytes),
    Hostile(testDescription: "a cut member", name: "a", bytes: member.dropLast(), problem: .truncatedData),
    Hostile(
      testDescription: "a cut second header", name: "a", bytes: member + member.prefix(5), problem: .truncatedData),
    Hostile(testDescription: "a wrong checksum", name: "a", bytes: changed(member, at: 8), problem: .gzipDamaged),
    Hostile(testDescription: "a wrong length", name: "a", bytes: changed(member, at: 1), problem: .gzipDamaged),
    Hostile(testDescription: "a wrong byte", name: "a", bytes: changed(member, at: 100), problem: .gzipDamaged),
    Hostile(
      testDescription: "another method", name: "a", bytes: [0x1F, 0x8B, 7] + member.dropFirst(3), problem: .gzipDamaged),
    Hostile(
      testDescription: "zeros that were a thousand times as many", name: "a",
      bytes: Array([[UInt8]](repeating: zeros, count: 40).joined()), problem: .gzipOutOfProportion),
  ]

  static let member = GzipBytes.member(random(3000, seed: 9))
  static let zeros = (try? FileSystem.read(Fixtures.path("texts/zeros.gz"), limit: 1 << 20)) ?? []

  private static func changed(_ bytes: [UInt8], at place: Int) -> [UInt8] {
    var bytes = bytes
    bytes[bytes.count - place] ^= 1
    return bytes
  }

  @Test("of a file that holds much for its size, but not a thousand times as much, are read")
  func manyMembers() throws {
    let path = scratch.write("a", Array([[UInt8]](repeating: Self.zeros, count: 30).joined()))
    let stream = try ByteStream(path)
    let buffer = OwnedBytes(count: 1 << 20)
    var total = 0
    while case let count = try stream.next(into: buffer.bytes), count > 0 { total += count }
    #expect(total == 240 << 20)
  }

  @Test("of a compressed file that is none, or a bomb, are an error that names the file", arguments: hostile)
  func refusal(_ file: Hostile) throws {
    let path = scratch.write(file.name, file.bytes)
    let stream = try ByteStream(path)
    let buffer = OwnedBytes(count: 1 << 20)
    let failure = expectProblem(file.problem) { while try stream.next(into: buffer.bytes) > 0 {} }
    #expect(failure?.file == path)
  }
}
