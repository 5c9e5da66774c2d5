import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a chunked HDF5 dataset")
struct HDF5ChunkTests {
  static let formats = ["old", "v110", "new"]
  /// The same 20 x 12 numbers in every kind of index and filter.
  static let names = [
    "single", "single_filtered", "fixed", "fixed_filtered", "zstd", "zstd_shuffle", "extensible", "extensible_column",
    "tree", "tree_filtered", "implicit",
  ]

  @Test("is read whole, whatever its index and its filters", arguments: formats, names)
  func whole(_ format: String, _ name: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("chunks-\(format).h5"))
    #expect(file.object(at: "/\(name)")?.dataset?.shape == [20, 12])
    #expect(try file.numbers("/\(name)") == HDF5Fixtures.values(5, 240))
  }

  @Test("may have thousands of chunks, in pages of the index", arguments: formats)
  func paged(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("chunks-\(format).h5"))
    // The numbers were rounded towards zero to integers.
    let expected = HDF5Fixtures.values(6, 2400).map { $0.rounded(.towardZero) }
    #expect(try file.numbers("/paged") == expected)
    #expect(try file.numbers("/paged_extensible") == expected)
  }

  @Test("has the fill value where chunks are absent", arguments: formats)
  func sparse(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("chunks-\(format).h5"))
    let values = HDF5Fixtures.values(5, 240)
    let expected = (0..<240).map { (5..<10).contains($0 / 12) && (5..<10).contains($0 % 12) ? values[$0] : 1.25 }
    #expect(try file.numbers("/sparse") == expected)
  }

  @Test("has chunks of three dimensions, and chunks whose filters were skipped", arguments: formats)
  func others(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("chunks-\(format).h5"))
    #expect(try file.numbers("/cube") == HDF5Fixtures.values(7, 120))
    #expect(try file.numbers("/masked") == HDF5Fixtures.values(8, 16))
  }

  @Test("is read in any range of bytes", arguments: ["fixed_filtered", "sparse", "cube", "tree"])
  func ranges(_ name: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("chunks-new.h5"))
    let dataset = try #require(file.object(at: "/\(name)")?.dataset)
    let whole = try file.bytes(dataset, 0..<dataset.byteCount)
    var random = SeededGenerator(seed: 1, stream: name)
    for _ in 0..<300 {
      let start = random.index(below: dataset.byteCount + 1)
      let end = start + random.index(below: dataset.byteCount - start + 1)
      #expect(try file.bytes(dataset, start..<end) == Array(whole[start..<end]), "\(start)..<\(end)")
    }
  }
}
