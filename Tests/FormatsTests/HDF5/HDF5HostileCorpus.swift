import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

/// An HDF5 file that must be refused, and for which reason.
struct HostileHDF5: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let problem: Problem
  let bytes: [UInt8]

  init(_ name: String, _ problem: Problem, _ bytes: [UInt8]) {
    testDescription = name
    self.problem = problem
    self.bytes = bytes
  }

  static let corpus = links + datasets + chunks + attributes + structures

  private typealias B = HDF5Bytes

  // MARK: Links

  private static let links: [HostileHDF5] = [
    HostileHDF5("an external link", .hdf5ExternalLink, B.file { _ in [B.userLink("x", type: 64)] }),
    HostileHDF5("a user-defined link", .hdf5ExternalLink, B.file { _ in [B.userLink("x", type: 200)] }),
    HostileHDF5("a group that links to itself", .hdf5LinkCycle, B.file { [B.link("again", $0.end)] }),
    HostileHDF5(
      "a cycle of two groups", .hdf5LinkCycle,
      B.file { file in
        // The link of the inner group leads to the root, whose header follows the inner one of 40 bytes.
        let inner = file.append([B.link("out", file.end + 40)])
        return [B.link("in", inner)]
      }),
    HostileHDF5("a soft link to a group above", .hdf5LinkCycle, B.file { _ in [B.soft("up", "/")] }),
    HostileHDF5("a soft link to itself", .hdf5SoftLinkLoop, B.file { _ in [B.soft("a", "/a")] }),
    HostileHDF5(
      "two soft links to each other", .hdf5SoftLinkLoop, B.file { _ in [B.soft("a", "b"), B.soft("b", "a")] }),
    HostileHDF5("a soft link to nothing", .hdf5DanglingLink, B.file { _ in [B.soft("a", "/b/c")] }),
    HostileHDF5(
      "groups nested too deeply", .hdf5TooDeep,
      B.file { file in
        var link = B.link("g", file.append([]))
        for _ in 0..<100 { link = B.link("g", file.append([link])) }
        return [link]
      }),
    HostileHDF5(
      "groups that unfold without end", .hdf5TooMuchWork,
      B.file { file in
        // Each group has the one before under two names: 2^40 paths.
        var group = file.append([])
        for _ in 0..<40 { group = file.append([B.link("a", group), B.link("b", group)]) }
        return [B.link("a", group)]
      }),
    HostileHDF5(
      "a name twice", .hdf5Corrupt,
      B.file { file in
        let group = file.append([])
        return [B.link("a", group), B.link("a", group)]
      }),
    HostileHDF5("a name with a slash", .hdf5Corrupt, B.file { [B.link("a/b", $0.append([]))] }),
    HostileHDF5(
      "a name that is no text", .invalidUTF8, B.file { [(6, [1, 0, 1, 0xFF] + B.number($0.append([]), 8))] }),
    HostileHDF5("a link past the end", .hdf5Truncated, B.file { _ in [B.link("a", 1 << 40)] }),
    HostileHDF5("a link to an address that is none", .sizeOverflow, B.file { _ in [B.link("a", Int.min)] }),
  ]

  // MARK: Datasets

  private static func dataset(
    _ dimensions: [Int] = [2], type: B.Message = B.float32, layout: B.Message? = nil, others: [B.Message] = []
  ) -> [UInt8] {
    B.dataset { file in
      let data = file.append(data: [UInt8](repeating: 1, count: 16))
      return [B.space(dimensions), type, layout ?? B.contiguous(data, 16)] + others
    }
  }

  private static func type(_ head: [UInt8], _ rest: ArraySlice<UInt8> = []) -> B.Message { (3, head + rest) }

  private static let datasets: [HostileHDF5] = [
    HostileHDF5(
      "external storage", .hdf5ExternalData, dataset([2], others: [(7, [1, 0, 0, 0, 1, 0, 1, 0] + B.number(0, 24))])),
    HostileHDF5("a virtual dataset", .hdf5VirtualData, dataset(layout: (8, [4, 3] + B.number(0, 12)))),
    HostileHDF5(
      "4 TiB that are not stored", .hdf5ShapeBomb,
      dataset([1 << 40], layout: (8, [3, 1] + B.undefined + B.number(1 << 42, 8)))),
    HostileHDF5(
      "4 TiB of which 16 bytes are stored", .hdf5Truncated, dataset([1 << 40], layout: B.contiguous(96, 1 << 42))),
    HostileHDF5("more elements than bytes", .hdf5Corrupt, dataset([100])),
    HostileHDF5("data past the end", .hdf5Truncated, dataset(layout: B.contiguous(1 << 30, 8))),
    HostileHDF5(
      "data that begins within the file and ends after it", .hdf5Truncated,
      dataset([100], layout: B.contiguous(96, 400))),
    HostileHDF5("dimensions whose product overflows", .sizeOverflow, dataset([1 << 62, 1 << 62])),
    HostileHDF5("bytes that overflow", .sizeOverflow, dataset([1 << 62])),
    HostileHDF5("a dimension above 2^63", .sizeOverflow, dataset([-2])),
    HostileHDF5("33 dimensions", .rankLimit, dataset([Int](repeating: 1, count: 33))),
    HostileHDF5("a committed type", .hdf5CommittedType, B.dataset { _ in [B.float32] }),
    HostileHDF5(
      "a compound", .hdf5UnsupportedType, dataset(type: type([0x16, 1, 0, 0, 4, 0, 0, 0], B.float32.body[...]))),
    HostileHDF5("references", .hdf5UnsupportedType, dataset(type: type([0x17, 0, 0, 0, 8, 0, 0, 0]))),
    HostileHDF5("text", .hdf5UnsupportedType, dataset(type: B.byteString)),
    HostileHDF5("three opaque bytes", .hdf5UnsupportedType, dataset(type: type([0x15, 0, 0, 0, 3, 0, 0, 0]))),
    HostileHDF5("floats in VAX order", .hdf5UnsupportedType, dataset(type: type([0x11, 0x61], B.float32.body[2...]))),
    HostileHDF5(
      "floats of unknown bits", .hdf5UnsupportedType,
      dataset(type: type(B.float32.body[..<13] + [9], B.float32.body[14...]))),
    HostileHDF5("a type of no bytes", .hdf5Corrupt, dataset(type: type([0x10] + B.number(0, 11)))),
    HostileHDF5("a type of an unknown version", .hdf5Unsupported, dataset(type: type([0x71], B.float32.body[1...]))),
    HostileHDF5("a layout of an old version", .hdf5Unsupported, dataset(layout: (8, [1] + B.number(0, 20)))),
    HostileHDF5("a layout of an unknown class", .hdf5Unsupported, dataset(layout: (8, [3, 9] + B.number(0, 20)))),
    HostileHDF5("no layout", .hdf5Corrupt, B.dataset { _ in [B.space([1]), B.float32] }),
    HostileHDF5("compact data that is too short", .hdf5Truncated, dataset([9], layout: (8, [3, 0, 4, 0, 1, 2, 3, 4]))),
    HostileHDF5(
      "two datasets that share bytes", .hdf5Overlap,
      B.file { file in
        let data = file.append(data: [UInt8](repeating: 1, count: 16))
        let one = file.append([B.space([2]), B.float32, B.contiguous(data, 8)])
        let other = file.append([B.space([2]), B.float32, B.contiguous(data + 4, 8)])
        return [B.link("one", one), B.link("other", other)]
      }),
    HostileHDF5(
      "a dataset as the root", .hdf5Corrupt,
      B.file { [B.space([1]), B.float32, B.contiguous($0.append(data: [1, 2, 3, 4]), 4)] }),
  ]

  // MARK: Chunks

  /// A dataset of float32 in chunks of two, with a tree that `build` gives and the address where it will be.
  private static func chunked(
    _ dimensions: [Int] = [4], shape: [Int] = [2], elementSize: Int = 4, _ others: [B.Message] = [],
    _ build: (_ data: Int, _ tree: Int) -> [UInt8]
  ) -> [UInt8] {
    B.dataset { file in
      let data = file.append(data: [UInt8](repeating: 1, count: 16))
      let tree = file.append(data: build(data, file.end))
      return [B.space(dimensions), B.float32, B.chunked(tree, shape, elementSize: elementSize)] + others
    }
  }

  private static let chunks: [HostileHDF5] =
    [4, 5, 6, 32001, 32004, 32008, 32013, 32026, 999].map { number in
      HostileHDF5(
        "filter \(number)", .hdf5UnknownFilter,
        chunked([4], [B.filter(number)]) { data, _ in B.chunkTree([([0], data, 8)]) })
    } + [
      HostileHDF5(
        "two compressors", .hdf5Unsupported,
        chunked(
          [4],
          [
            (11, [1, 2] + B.number(0, 6) + [1, 0, 0, 0, 0, 0, 0, 0] + B.number(32015, 2) + B.number(0, 6))
          ]
        ) { data, _ in B.chunkTree([([0], data, 8)]) }),
      HostileHDF5(
        "a shuffle of no bytes", .hdf5Corrupt,
        chunked([4], [B.filter(2, values: [0])]) { data, _ in B.chunkTree([([0], data, 8)]) }),
      HostileHDF5(
        "a chunk of 4 GiB", .hdf5ChunkTooLarge,
        chunked([1 << 30], shape: [1 << 30], [B.filter(1)]) { data, _ in B.chunkTree([([0], data, 8)]) }),
      HostileHDF5(
        "4 TiB in small chunks, one stored", .hdf5ShapeBomb,
        chunked([1 << 40]) { data, _ in B.chunkTree([([0], data, 8)]) }),
      HostileHDF5(
        "a million absent chunks", .hdf5ShapeBomb,
        chunked([1 << 18], shape: [1]) { data, _ in B.chunkTree([([0], data, 4)]) }),
      HostileHDF5(
        "chunks of no elements", .hdf5Corrupt, chunked(shape: [0]) { data, _ in B.chunkTree([([0], data, 8)]) }),
      HostileHDF5(
        "chunks of another element size", .hdf5Corrupt,
        chunked(elementSize: 8) { data, _ in B.chunkTree([([0], data, 8)]) }),
      HostileHDF5(
        "chunks of another rank", .hdf5Corrupt,
        chunked(shape: [2, 2]) { data, _ in B.chunkTree([([0, 0], data, 8)]) }),
      HostileHDF5(
        "a chunk twice", .hdf5Corrupt,
        chunked { data, _ in B.chunkTree([([0], data, 8), ([0], data + 8, 8)]) }),
      HostileHDF5(
        "two chunks that share bytes", .hdf5Overlap,
        chunked { data, _ in B.chunkTree([([0], data, 8), ([2], data + 4, 8)]) }),
      HostileHDF5(
        "a chunk off the grid", .hdf5Corrupt, chunked { data, _ in B.chunkTree([([1], data, 8)]) }),
      HostileHDF5(
        "a chunk of another size without a filter", .hdf5BadChunk, chunked { data, _ in B.chunkTree([([0], data, 6)]) }),
      HostileHDF5(
        "a filtered chunk that is larger than any filter makes it", .hdf5BadChunk,
        chunked([4], [B.filter(1)]) { data, _ in B.chunkTree([([0], data, 1 << 30)]) }),
      HostileHDF5(
        "a chunk past the end", .hdf5Truncated, chunked { _, _ in B.chunkTree([([0], 1 << 40, 8)]) }),
      HostileHDF5(
        "a tree that leads to itself", .hdf5Corrupt, chunked { _, tree in B.chunkTree([([0], tree, 8)], level: 1) }),
      HostileHDF5(
        "a tree whose levels do not fall", .hdf5Corrupt,
        chunked { data, tree in
          let root = B.chunkTree([([0], tree + 56, 8)], level: 2)
          return root + [UInt8](repeating: 0, count: 56 - root.count) + B.chunkTree([([0], data, 8)], level: 0)
        }),
      HostileHDF5(
        "a tree with another signature", .hdf5Corrupt,
        chunked { data, _ in B.chunkTree([([0], data, 8)], signature: "BUSH") }),
    ]

  // MARK: Attributes

  private static func attribute(_ type: B.Message, _ dimensions: [Int], _ data: [UInt8]) -> [UInt8] {
    B.file { _ in [B.attribute("a", type: type, space: B.space(dimensions), data: data)] }
  }

  private static let attributes: [HostileHDF5] = [
    HostileHDF5("an attribute of a gigabyte", .hdf5AttributeTooLarge, attribute(B.byteString, [1 << 30], [1])),
    HostileHDF5("an attribute that is cut off", .hdf5Truncated, attribute(B.byteString, [1000], [1])),
    HostileHDF5("an attribute whose size overflows", .sizeOverflow, attribute(B.variableString, [1 << 60], [1])),
    HostileHDF5(
      "text past the end", .hdf5Truncated,
      attribute(B.variableString, [1], B.number(4, 4) + B.number(1 << 40, 8) + B.number(1, 4))),
    HostileHDF5(
      "text in a heap that is none", .hdf5Corrupt,
      attribute(B.variableString, [1], B.number(4, 4) + B.number(96, 8) + B.number(1, 4))),
    HostileHDF5(
      "an attribute twice", .hdf5Corrupt,
      B.file { _ in
        [Message](repeating: B.attribute("a", type: B.byteString, space: B.space([1]), data: [65]), count: 2)
      }),
    HostileHDF5(
      "one long text a million times", .hdf5TooMuchWork,
      B.file { file in
        let text = [UInt8](repeating: 65, count: 60_000)
        let heap = file.append(
          data: "GCOL".utf8 + [1, 0, 0, 0] + B.number(16 + 16 + text.count, 8) + B.number(1, 2) + B.number(1, 2)
            + B.number(0, 4) + B.number(text.count, 8) + text)
        let references = (0..<4000).flatMap { _ in B.number(text.count, 4) + B.number(heap, 8) + B.number(1, 4) }
        return [B.attribute("a", type: B.variableString, space: B.space([4000]), data: references)]
      }),
  ]

  private typealias Message = B.Message

  // MARK: Structures

  private static func edited(_ name: String, _ edit: (inout [UInt8]) -> Void) -> [UInt8] {
    guard var bytes = try? HDF5Fixtures.bytes(name) else { return [] }
    edit(&bytes)
    return bytes
  }

  /// Flips a bit some bytes after the first occurrence of a signature.
  private static func flipped(_ name: String, _ signature: String, _ distance: Int) -> [UInt8] {
    edited(name) { bytes in
      let pattern = Array(signature.utf8)
      guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: pattern) }) else { return }
      bytes[start + distance] ^= 1
    }
  }

  private static let structures: [HostileHDF5] = [
    HostileHDF5("an empty file", .hdf5NoSignature, []),
    HostileHDF5("a file of something else", .hdf5NoSignature, Array("PK\u{3}\u{4} and more".utf8)),
    HostileHDF5("a superblock that is cut off", .hdf5Truncated, Array(edited("groups-old.h5") { _ in }.prefix(60))),
    HostileHDF5("a file that is cut off", .hdf5Truncated, edited("groups-old.h5") { $0.removeLast() }),
    HostileHDF5("a superblock of an unknown version", .hdf5Unsupported, edited("groups-old.h5") { $0[8] = 9 }),
    HostileHDF5("addresses of 16 bytes", .hdf5Unsupported, edited("groups-old.h5") { $0[13] = 16 }),
    HostileHDF5(
      "a file that is spread over several", .hdf5Unsupported,
      edited("groups-old.h5") { $0.replaceSubrange(48..<56, with: B.number(96, 8)) }),
    HostileHDF5("a damaged superblock", .hdf5Checksum, edited("groups-new.h5") { $0[44] ^= 1 }),
    HostileHDF5("a damaged object header", .hdf5Checksum, flipped("groups-new.h5", "OHDR", 20)),
    HostileHDF5("a damaged tree header", .hdf5Checksum, flipped("groups-new.h5", "BTHD", 30)),
    HostileHDF5("a damaged tree leaf", .hdf5Checksum, flipped("attributes-new.h5", "BTLF", 20)),
    HostileHDF5("a damaged heap", .hdf5Checksum, flipped("groups-new.h5", "FRHP", 40)),
    HostileHDF5("a damaged fixed array", .hdf5Checksum, flipped("chunks-new.h5", "FAHD", 20)),
    HostileHDF5("damaged elements of a fixed array", .hdf5Checksum, flipped("chunks-new.h5", "FADB", 15)),
    HostileHDF5("a damaged extensible array", .hdf5Checksum, flipped("chunks-new.h5", "EAHD", 20)),
    HostileHDF5("a damaged index block", .hdf5Checksum, flipped("chunks-new.h5", "EAIB", 300)),
    HostileHDF5("a symbol node that is none", .hdf5Corrupt, flipped("groups-old.h5", "SNOD", 0)),
    HostileHDF5("a heap of names that is none", .hdf5Corrupt, flipped("groups-old.h5", "HEAP", 1)),
    HostileHDF5("a tree of links that is none", .hdf5Corrupt, flipped("groups-old.h5", "TREE", 2)),
    HostileHDF5(
      "a header that continues in itself", .hdf5Corrupt,
      B.file { [(0x10, B.number($0.end + 16, 8) + B.number(24, 8))] }),
    HostileHDF5(
      "a message that is longer than its header", .hdf5Truncated,
      B.file { _ in [(0x10, B.number(1 << 40, 8) + B.number(24, 8))] }),
    HostileHDF5("an unknown message that must be understood", .hdf5Unsupported, unknownMessage),
  ]

  private static let unknownMessage: [UInt8] = {
    var bytes = B.file { _ in [(0x40, [0])] }
    // The flags of the message, after the superblock, the prefix of the header, and type and size.
    bytes[96 + 16 + 4] = 0x80
    return bytes
  }()
}
