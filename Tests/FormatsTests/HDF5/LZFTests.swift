import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("LZF")
struct LZFTests {
  @Test("is read as h5py writes it, alone and with other filters", arguments: ["lzf", "lzf_shuffle", "lzf_checksum"])
  func written(_ name: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("lzf.h5"))
    #expect(try file.numbers("/\(name)") == HDF5Fixtures.values(5, 240))
  }

  @Test("is read with long runs, and where it was skipped as nothing was gained")
  func extremes() throws {
    let file = try HDF5File(HDF5Fixtures.path("lzf.h5"))
    let runs = HDF5Fixtures.values(9, 40).flatMap { Array(repeating: $0, count: 300) }
    #expect(try file.numbers("/runs") == runs)
    #expect(try file.numbers("/noise") == file.numbers("/noise_plain"))
  }

  /// Streams written by hand from the format's rule, with what they stand for.
  @Test(
    "literals and copies, near and far, short and long",
    arguments: [
      ([0, 7], [7]), ([2, 1, 2, 3], [1, 2, 3]),
      // Length 1 + 2 from one byte before: a run.
      ([0, 9, 0x20, 0], [9, 9, 9, 9]),
      // Length 6 + 2 from three bytes before, then a literal.
      ([2, 1, 2, 3, 0xC0, 2, 0, 8], [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 8]),
      // Length 7 + 5 + 2 in two bytes.
      ([1, 4, 5, 0xE0, 5, 1], [4, 5] + [4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5]),
    ] as [([UInt8], [UInt8])])
  func streams(_ stream: [UInt8], _ expected: [UInt8]) throws {
    #expect(try LZF.decompress(stream, count: expected.count) == expected)
    for count in [expected.count - 1, expected.count + 1] {
      expectProblem(.hdf5BadChunk, "\(count) bytes") { try LZF.decompress(stream, count: count) }
    }
    for length in 1..<stream.count {
      expectProblem(.hdf5BadChunk, "cut to \(length)") {
        try LZF.decompress(Array(stream.prefix(length)), count: expected.count)
      }
    }
  }

  @Test("a copy from 8,192 bytes before, the farthest that there is")
  func farthest() throws {
    var stream: [UInt8] = []
    var plain: [UInt8] = []
    for index in 0..<256 {
      let literal = (0..<32).map { UInt8(truncatingIfNeeded: index &* 7 &+ $0 &* 11) }
      stream += [31] + literal
      plain += literal
    }
    #expect(try LZF.decompress(stream + [0x3F, 0xFF], count: 8195) == plain + plain.prefix(3))
    expectProblem(.hdf5BadChunk) { try LZF.decompress(Array(stream.dropFirst(33)) + [0x3F, 0xFF], count: 8163) }
  }

  @Test("a copy from before the beginning is refused, and so is every damaged stream without a trap")
  func hostile() throws {
    for stream in [[0x20, 0], [0, 1, 0x20, 1], [0xFF, 0xFF, 0xFF], [31, 1]] as [[UInt8]] {
      expectProblem(.hdf5BadChunk) { try LZF.decompress(stream, count: 4) }
    }
    var random = SeededGenerator(seed: 4)
    var refused = 0
    for _ in 0..<20_000 {
      let stream = (0..<random.index(below: 40)).map { _ in UInt8(random.index(below: 256)) }
      do throws(HybridizeError) {
        let count = random.index(below: 300)
        #expect(try LZF.decompress(stream, count: count).count == count)
      } catch { refused += 1 }
    }
    #expect(refused > 15_000)
  }
}
