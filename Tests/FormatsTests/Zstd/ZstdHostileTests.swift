import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

/// A zstd file that must be refused when it is opened or when its tensors are read, and for which reason.
struct HostileZstdFile: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let problem: Problem
  let bytes: [UInt8]

  init(_ name: String, _ problem: Problem, _ bytes: [UInt8]) {
    testDescription = name
    self.problem = problem
    self.bytes = bytes
  }

  /// A good file of four bytes of data, and its two halves.
  static let good = SafetensorsBytes.file(#"{"t":\#(SafetensorsBytes.tensor("U8", "[4]", 0, 4))}"#, dataSize: 4)
  private static let first = Array(good[..<20])
  private static let second = Array(good[20...])
  private static let frame = ZstdBytes.frame(good)
  private static let frames = [ZstdBytes.frame(first), ZstdBytes.frame(second)]
  private static let junk: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

  static let corpus = streams + sizes + contents + tables + checksums + shuffled

  private static let streams: [HostileZstdFile] = [
    .init("no bytes", .truncatedPrefix, []),
    .init("three bytes", .zstdForeignBytes, [0x28, 0xB5, 0x2F]),
    .init("another format", .zstdForeignBytes, Array("nonsense and more".utf8)),
    .init("a frame of zstd 0.7", .zstdForeignBytes, [0x27] + frame.dropFirst()),
    .init("only a skippable frame", .truncatedPrefix, ZstdBytes.skippable(junk)),
    .init("a skippable frame past the end", .truncatedData, frame + ZstdBytes.skippable(junk, claims: 9)),
    .init("a skippable frame of 4 GiB", .truncatedData, ZstdBytes.skippable(junk, claims: 0xFFFF_FFFF) + frame),
    .init("half the length of a skippable frame", .truncatedData, frame + ZstdBytes.skippable([]).prefix(6)),
    .init("a frame cut in its header", .truncatedData, Array(frame.prefix(9))),
    .init("a frame cut after its header", .truncatedData, Array(frame.prefix(14))),
    .init("a frame cut in a block", .truncatedData, frame.dropLast()),
    .init("a second frame that is cut", .truncatedData, frames[0] + frames[1].dropLast(3)),
    .init("bytes after the last frame", .zstdForeignBytes, frame + junk),
    .init("one byte after the last frame", .zstdForeignBytes, frame + [0]),
    .init("zeros between frames", .zstdForeignBytes, frames[0] + [0, 0, 0, 0] + frames[1]),
    .init("a reserved bit", .zstdFrameInvalid, frame[..<4] + [frame[4] | 8] + frame[5...]),
    .init("a dictionary", .zstdNeedsDictionary, frame[..<4] + [frame[4] | 1, frame[5], 7] + frame[6...]),
    .init(
      "a block of the reserved kind", .zstdFrameInvalid,
      ZstdBytes.header(size: 4) + ZstdBytes.block(kind: 3, size: 4, isLast: true, [1, 2, 3, 4])),
    .init(
      "a block above the limit", .zstdFrameInvalid,
      ZstdBytes.header(size: 200_000) + ZstdBytes.block(kind: 1, size: 200_000, isLast: true, [1])),
    .init(
      "a block above the window", .zstdFrameInvalid,
      ZstdBytes.header(size: 2000, windowLog: 10) + ZstdBytes.block(kind: 1, size: 2000, isLast: true, [1])),
    .init(
      "more frames than a million", .zstdTooManyFrames,
      Array([[UInt8]](repeating: ZstdBytes.skippable([]), count: 1 << 20 + 1).joined())),
  ]

  private static let sizes: [HostileZstdFile] = [
    .init("a frame that claims 2^60 bytes", .zstdSizeClaim, ZstdBytes.frame(good, claims: 1 << 60)),
    .init("a frame that claims 2^64-1 bytes", .zstdSizeClaim, ZstdBytes.frame(good, claims: .max)),
    .init("a frame that claims a byte more", .zstdSizeClaim, ZstdBytes.frame(good, claims: UInt64(good.count + 1))),
    .init("a frame that claims nothing and has something", .zstdSizeClaim, ZstdBytes.frame(good, claims: 0) + frame),
    .init("a frame that claims a byte less", .zstdDamaged, ZstdBytes.frame(good, claims: UInt64(good.count - 1))),
    .init(
      "a window of 64 MiB in a small file", .zstdWindowTooLarge,
      ZstdBytes.header(size: nil, windowLog: 26) + ZstdBytes.block(kind: 0, size: good.count, isLast: true, good)),
    .init(
      "a window of 256 MiB", .zstdWindowTooLarge,
      ZstdBytes.header(size: 4, windowLog: 28) + ZstdBytes.block(kind: 0, size: 4, isLast: true, [1, 2, 3, 4])),
    .init("a window of 2^41", .zstdWindowTooLarge, ZstdBytes.header(size: 4, windowLog: 41) + junk),
    .init(
      "one segment of 1 GiB", .zstdWindowTooLarge,
      [0x28, 0xB5, 0x2F, 0xFD, 0xA0] + ZstdBytes.number(1 << 30, bytes: 4) + junk),
    .init("a bomb that does not say its size", .zstdSizeClaim, ZstdBytes.repeated(0, 1 << 29, claims: nil)),
    .init(
      "a bomb in parts", .zstdSizeClaim,
      Array([[UInt8]](repeating: ZstdBytes.repeated(0, 1 << 26, claims: nil), count: 8).joined())),
  ]

  private static let contents: [HostileZstdFile] = [
    .init("a header of 1 GiB of zeros", .emptyHeader, ZstdBytes.repeated(0, 1 << 30, claims: 1 << 30)),
    .init(
      "a header of 90 MB of spaces", .headerTooLarge,
      ZstdBytes.repeated(
        0x20, 90_000_000, after: SafetensorsBytes.prefix(90_000_000), claims: 90_000_008)),
    .init(
      "a header of 16 MB of spaces", .jsonSyntax,
      ZstdBytes.repeated(0x20, 16_000_000, after: SafetensorsBytes.prefix(16_000_000), claims: 16_000_008)),
    .init("text", .headerTooLarge, ZstdBytes.frame(Array("some text in a zstd file".utf8))),
    .init("data cut short", .truncatedData, ZstdBytes.frame(good.dropLast())),
    .init("data after the end", .trailingBytes, ZstdBytes.frame(good + [0])),
    .init("data after the end, in a frame of its own", .trailingBytes, frame + ZstdBytes.frame(junk)),
    .init("the same file twice", .trailingBytes, frame + frame),
    .init("a length past the end", .headerPastEOF, ZstdBytes.frame(SafetensorsBytes.file("{}", length: 3))),
    .init(
      "2^60 bytes claimed of one", .truncatedData,
      ZstdBytes.frame(
        SafetensorsBytes.file(
          #"{"t":\#(SafetensorsBytes.tensor("U8", "[1152921504606846976]", 0, 1 << 60))}"#, dataSize: 1))),
    .init(
      "a compressed block without sense", .zstdDamaged,
      frames[0] + ZstdBytes.header(size: UInt64(second.count))
        + ZstdBytes.block(kind: 2, size: 4, isLast: true, [0xFF, 0xFF, 0xFF, 0xFF])),
  ]

  private static func table(_ first: Int, _ firstSize: Int, _ second: Int, _ secondSize: Int) -> [UInt8] {
    frames.joined() + ZstdBytes.table([(first, firstSize, nil), (second, secondSize, nil)])
  }

  private static let tables: [HostileZstdFile] = {
    let (a, b) = (frames[0].count, frames[1].count)
    let (x, y) = (first.count, second.count)
    let entries: [ZstdBytes.Entry] = [(a, x, nil), (b, y, nil)]
    let unsaid = [first, second].map { ZstdBytes.frame($0, claims: nil) }
    let both = frames[0] + frames[1]
    return [
      .init("a table that moves bytes between frames", .zstdForeignBytes, table(a + 1, x, b - 1, y)),
      .init("a table of too few bytes", .zstdSeekTable, table(a, x, b - 1, y)),
      .init("a table of bytes beyond the file", .zstdSeekTable, table(a, x, b + 1, y)),
      .init("a table of 4 GiB", .zstdSeekTable, table(0xFFFF_FFFF, x, b, y)),
      .init("a table with a frame of nothing", .zstdSeekTable, table(0, x, a + b, y)),
      .init("a table that moves content between frames", .zstdSeekTable, table(a, x + 1, b, y - 1)),
      .init("a table that hides a frame", .zstdSeekTable, table(a, x, b, 0)),
      .init("a table that claims 4 GiB of content", .zstdSizeClaim, table(a, 0xFFFF_FFFF, b, y)),
      .init("a table with one entry too few", .zstdSeekTable, both + ZstdBytes.table([entries[0]])),
      .init("a table with two frames as one", .zstdSeekTable, both + ZstdBytes.table([(a + b, x, nil)])),
      .init(
        "a table with two frames as one, sizes unsaid", .zstdSeekTable,
        unsaid.joined() + ZstdBytes.table([(unsaid[0].count + unsaid[1].count, x + y, nil)])),
      .init(
        "a table that hides a frame, sizes unsaid", .zstdSeekTable,
        unsaid.joined() + ZstdBytes.table([(unsaid[0].count, x, nil), (unsaid[1].count, 0, nil)])),
      .init(
        "a table that moves content, sizes unsaid", .zstdDamaged,
        unsaid.joined() + ZstdBytes.table([(unsaid[0].count, x - 1, nil), (unsaid[1].count, y + 1, nil)])),
      .init("a table with a count of 2^32-1", .zstdSeekTable, both + ZstdBytes.table(entries, count: 0xFFFF_FFFF)),
      .init("a table with a count one above", .zstdSeekTable, both + ZstdBytes.table(entries, count: 3)),
      .init("a table with reserved bits", .zstdSeekTable, both + ZstdBytes.table(entries, descriptor: 4)),
      .init("a table that promises checksums", .zstdSeekTable, both + ZstdBytes.table(entries, descriptor: 0x80)),
      .init(
        "a table with a skippable frame as content", .zstdSeekTable,
        ZstdBytes.seekable([(ZstdBytes.skippable(junk), 8), (frames[0], x), (frames[1], y)])),
      .init(
        "a table with a skippable frame too long", .zstdSeekTable,
        ZstdBytes.seekable([(ZstdBytes.skippable(junk, claims: 9), 0), (frames[0], x), (frames[1], y)])),
      .init("a byte after a table", .zstdForeignBytes, both + ZstdBytes.table(entries) + [0]),
      .init("an empty table alone", .truncatedPrefix, ZstdBytes.table([])),
    ]
  }()

  private static let checksums: [HostileZstdFile] = [
    .init(
      "a wrong checksum of a frame", .zstdDamaged,
      ZstdBytes.header(size: UInt64(good.count), hasChecksum: true)
        + ZstdBytes.block(kind: 0, size: good.count, isLast: true, good) + [1, 2, 3, 4]),
    .init(
      "a wrong checksum of a frame that does not say its size", .zstdDamaged,
      ZstdBytes.header(size: nil, hasChecksum: true)
        + ZstdBytes.block(kind: 0, size: good.count, isLast: true, good) + [1, 2, 3, 4]),
    .init(
      "a checksum cut off", .truncatedData,
      ZstdBytes.header(size: UInt64(good.count), hasChecksum: true)
        + ZstdBytes.block(kind: 0, size: good.count, isLast: true, good) + [1, 2, 3]),
    .init("a wrong checksum in the table", .zstdDamaged, frame + ZstdBytes.table([(frame.count, good.count, 7)])),
  ]

  private static let mark = Array("HYBSHUF1".utf8)

  /// The frame in front of a shuffled file.
  private static func announcement(version: UInt8 = 1, flags: UInt8 = 1) -> [UInt8] {
    ZstdBytes.skippable(
      Array("HYBRIDZE".utf8) + [version, 0, 0, 0, flags, 0, 0, 0], number: 0xA)
  }

  private static let header = Array(good.dropLast(4))

  private static let shuffled: [HostileZstdFile] = [
    .init("an announced shuffle without the mark", .zstdShuffleInvalid, announcement() + frame),
    .init("an announced shuffle of nothing", .zstdShuffleInvalid, announcement()),
    .init(
      "a shuffle of another version", .zstdShuffleInvalid,
      announcement(version: 2) + ZstdBytes.frame(mark + header) + ZstdBytes.frame([0, 1, 2, 3])),
    .init(
      "a shuffle with other flags", .zstdShuffleInvalid,
      announcement(flags: 3) + ZstdBytes.frame(mark + header) + ZstdBytes.frame([0, 1, 2, 3])),
    .init("a mark without the announcement", .headerTooLarge, ZstdBytes.frame(mark + good)),
    .init(
      "a shuffled frame with elements of two sizes", .zstdShuffleInvalid,
      announcement()
        + ZstdBytes.frame(mark + twoSizes) + ZstdBytes.frame([0, 1, 2, 3])),
    .init(
      "a shuffled frame with header and data", .zstdShuffleInvalid,
      announcement()
        + ZstdBytes.frame(mark + wide + [0, 1, 2, 3])),
    .init(
      "a shuffled frame that is too large", .zstdShuffleInvalid,
      announcement() + ZstdBytes.frame(mark + large)
        + ZstdBytes.repeated(1, 9 << 20, claims: 9 << 20)),
  ]

  private static let twoSizes = SafetensorsBytes.file(
    #"{"a":\#(SafetensorsBytes.tensor("U16", "[1]", 0, 2)),"b":\#(SafetensorsBytes.tensor("U8", "[2]", 2, 4))}"#)
  private static let wide = SafetensorsBytes.file(#"{"a":\#(SafetensorsBytes.tensor("U16", "[2]", 0, 4))}"#)
  private static let large = SafetensorsBytes.file(
    #"{"a":\#(SafetensorsBytes.tensor("U8", "[9437184]", 0, 9 << 20))}"#)
}

@Suite("a hostile zstd file")
struct ZstdHostileTests {
  private let directory = TemporaryDirectory()

  private func readAll(_ path: String) throws {
    let reader = try ZstdSafetensorsReader(path, strict: true)
    for tensor in reader.tensors { _ = try reader.bytes(tensor.name) }
  }

  @Test("is refused with the problem named after its fault", arguments: HostileZstdFile.corpus)
  func refused(_ file: HostileZstdFile) throws {
    let path = directory.write("hostile.safetensors.zst", file.bytes)
    let error = expectProblem(file.problem) { try readAll(path) }
    #expect(error?.file == path)
    #expect(error?.category == .inputFile)
    #expect((error?.offset ?? 0) <= file.bytes.count, "an offset is within the file")
  }

  @Test("has headers as hostile as those of plain files", arguments: HostileFile.corpus)
  func headers(_ file: HostileFile) throws {
    let path = directory.write("hostile.safetensors.zst", ZstdBytes.frame(file.bytes))
    expectProblem(file.problem) { try readAll(path) }
  }

  @Test("whose tensor is too large for memory is refused, not a reason to stop")
  func memory() throws {
    expectProblem(.notEnoughMemory) { try OwnedBytes(claimed: 1 << 60) }
  }

  /// What the writer and hand-made files have, to be damaged.
  private func sources() throws -> [[UInt8]] {
    let plain = try SafetensorsReader(ReferenceFile.path)
    var sources = HostileZstdFile.corpus.filter { $0.bytes.count < 4096 }.map(\.bytes)
    for isShuffled in [false, true] {
      let name = "source-\(isShuffled)"
      let writer = try ZstdSafetensorsWriter(
        directory.path(name), tensors: plain.tensors, metadata: plain.metadata,
        options: ZstdOptions(isShuffled: isShuffled))
      for tensor in writer.tensors { try writer.copy(tensor.name, from: plain) }
      _ = try writer.finish()
      sources += [[UInt8]](repeating: directory.bytes(name), count: 10)
    }
    for name in ["reference", "reference-stream"] {
      let file = try FileSystem.read(Fixtures.path("safetensors/\(name).safetensors.zst"), limit: 4096)
      sources += [[UInt8]](repeating: file, count: 5)
    }
    return sources
  }

  @Test("that was damaged at random is refused or read soundly, and never traps", arguments: UInt64(0)..<16)
  func mutated(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "zstd mutation")
    let sources = try sources()
    var refused = 0
    for _ in 0..<250 {
      var bytes = sources[random.index(below: sources.count)]
      for _ in 0...random.index(below: 3) { Self.mutate(&bytes, &random) }
      let path = directory.write("mutant", bytes)
      do {
        try checkTensorReader(try ZstdSafetensorsReader(path))
      } catch let error as HybridizeError {
        #expect(error.category == .inputFile, "seed \(seed)")
        refused += 1
      }
    }
    #expect(refused > 150, "mutations do damage")
  }

  private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    let place = random.index(below: bytes.count + 1)
    switch random.index(below: 7) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.index(below: 8))
    case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.index(below: 8)))
    case 2: bytes.insert(contentsOf: ZstdBytes.skippable([UInt8](repeating: 1, count: place % 5)), at: place)
    // Of the table: its entries, count and flags.
    case 3 where bytes.count > 40: bytes[bytes.count - 1 - random.index(below: 40)] = UInt8(random.index(below: 256))
    // Of the first frame: magic, flags, sizes.
    case 4 where bytes.count > 40: bytes[random.index(below: 40)] = UInt8(random.index(below: 256))
    case 5: bytes += (0..<random.index(below: 16)).map { _ in UInt8(random.index(below: 256)) }
    case 6: bytes.insert(contentsOf: ZstdBytes.frame([]), at: place)
    default: bytes.removeLast(min(bytes.count, random.index(below: 30)))
    }
  }
}
