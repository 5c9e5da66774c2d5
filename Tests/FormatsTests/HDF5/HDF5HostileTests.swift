import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a hostile HDF5 file")
struct HDF5HostileTests {
  private let directory = TemporaryDirectory()

  @Test("is refused with the problem named after its fault", arguments: HostileHDF5.corpus)
  func refused(_ file: HostileHDF5) throws {
    let path = directory.write("hostile.h5", file.bytes)
    let error = expectProblem(file.problem) { try HDF5File(path) }
    #expect(error?.file == path)
    #expect(error?.category == .inputFile)
  }

  @Test("would be read without its fault")
  func control() throws {
    let plain = HDF5Bytes.dataset { file in
      let data = file.append(data: Array(0..<16))
      return [HDF5Bytes.space([4]), HDF5Bytes.float32, HDF5Bytes.contiguous(data, 16)]
    }
    let file = try HDF5File(directory.write("plain.h5", plain))
    let dataset = try #require(file.object(at: "/t")?.dataset)
    #expect(try file.bytes(dataset, 0..<16) == Array(0..<16))
    let chunked = HDF5Bytes.dataset { file in
      let data = file.append(data: Array(0..<16))
      let tree = file.append(data: HDF5Bytes.chunkTree([([0], data + 8, 8), ([2], data, 8)]))
      return [HDF5Bytes.space([4]), HDF5Bytes.float32, HDF5Bytes.chunked(tree, [2])]
    }
    let other = try HDF5File(directory.write("chunked.h5", chunked))
    let chunks = try #require(other.object(at: "/t")?.dataset)
    #expect(try other.bytes(chunks, 0..<16) == Array(8..<16) + Array(0..<8))
  }

  @Test("names the object and the place")
  func located() throws {
    let bytes = HDF5Bytes.file { file in
      let inner = file.append([HDF5Bytes.userLink("secret", type: 64)])
      return [HDF5Bytes.link("layers", inner)]
    }
    let error = expectProblem(.hdf5ExternalLink) { try HDF5File(directory.write("a.h5", bytes)) }
    #expect(error?.tensor == "/layers")
    #expect(error?.offset == 96 + 24)
    #expect(error?.found == "an external link named \"secret\"")
  }

  @Test("has its damaged chunks refused when they are read", arguments: ["fixed_filtered", "zstd", "tree_filtered"])
  func damagedChunks(_ name: String) throws {
    let original = try HDF5Fixtures.bytes("chunks-new.h5")
    let file = try HDF5File(HDF5Fixtures.path("chunks-new.h5"))
    let dataset = try #require(file.object(at: "/\(name)")?.dataset)
    let place = try #require(dataset.extents.first)
    var bytes = original
    for index in place { bytes[index] = 0x55 }
    let damaged = try HDF5File(directory.write("damaged.h5", bytes))
    let same = try #require(damaged.object(at: "/\(name)")?.dataset)
    do {
      _ = try damaged.bytes(same, 0..<same.byteCount)
      Issue.record("damage was not noticed")
    } catch let error as HybridizeError {
      #expect([.hdf5BadChunk, .hdf5Checksum].contains(error.problem))
      #expect(error.offset == place.lowerBound)
    }
  }

  @Test("is refused where it is cut off, wherever that is", arguments: ["groups-old.h5", "types-old.h5"])
  func truncated(_ name: String) throws {
    let bytes = try HDF5Fixtures.bytes(name)
    for count in stride(from: 96, to: bytes.count, by: 97) {
      // A file that is as long as it claims, so that the cut is met where it is.
      var cut = Array(bytes[..<count])
      cut.replaceSubrange(40..<48, with: HDF5Bytes.number(count, 8))
      #expect(!HDF5Mutations.readAll(directory.write("cut.h5", cut)), "\(count) bytes")
    }
  }
}
