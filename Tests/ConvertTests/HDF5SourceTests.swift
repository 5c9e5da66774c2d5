import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("a source in HDF5")
struct HDF5SourceTests {
  let scratch = TemporaryDirectory()

  @Test("converts, verifies and runs like one in safetensors", arguments: ["llama", "qwen2", "qwen3"])
  func preset(_ family: String) throws {
    let path = Fixtures.path("hdf5/keras/\(family)")
    let source = try ModelDirectory(path)
    #expect(source.reader.formatName == "hdf5")
    let layers = source.configuration.layerCount
    _ = try Conversion(ConversionRequest(source: path, keep: .layers([0]))).write(to: scratch.path("hybrid"))
    let hybrid = try ModelDirectory(scratch.path("hybrid"))
    #expect(hybrid.reader.formatName == "safetensors")
    #expect(hybrid.configuration.keptLayers == [0] && hybrid.configuration.layerCount == layers)

    _ = try Conversion(ConversionRequest(source: path, keep: .all)).write(to: scratch.path("copy"))
    let copy = try ModelDirectory(scratch.path("copy"))
    let backend = try CPUBackend(threads: 2)
    let probe = Array(0..<min(20, source.configuration.vocabularySize))
    let verification = try Verification.run(
      source: source, converted: copy, backend: backend, documents: [probe], probe: probe)
    #expect(verification.isIdentical && verification.text?.largestLogitDifference == 0)
    let changed = try Verification.run(
      source: source, converted: hybrid, backend: backend, documents: [probe], probe: probe)
    #expect(changed.failures(largestDivergence: nil).isEmpty && !changed.isIdentical)
    #expect(changed.keptLayers.allSatisfy { $0.equal })
  }

  static let formats: [OutputFormat] =
    [
      .zstd(ZstdOptions(level: 1, threads: 2, isShuffled: true)), .zstd(ZstdOptions(level: 3)),
      .hdf5(HDF5Options(compression: .zstandard(level: 1))), .hdf5(HDF5Options(compression: .deflate(level: 1))),
    ] + HDF5Options.Layout.allCases.map { .hdf5(HDF5Options(layout: $0)) }

  @Test("safetensors into every other format and back has the same bytes", arguments: formats)
  func roundTrip(_ format: OutputFormat) throws {
    let there = scratch.path("there")
    _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .all, format: format)).write(to: there)
    #expect(try FormatRegistry.open(there).formatName == format.name)
    _ = try Conversion(ConversionRequest(source: there, keep: .all)).write(to: scratch.path("back"))
    let original = try FileSystem.read(Fixtures.model + "/model.safetensors", limit: 1 << 30)
    #expect(scratch.bytes("back/model.safetensors") == original)
    // And through shards.
    _ = try Conversion(ConversionRequest(source: there, keep: .all, shardBytes: 3_000_000))
      .write(to: scratch.path("shards"))
    _ = try Conversion(ConversionRequest(source: scratch.path("shards"), keep: .all)).write(to: scratch.path("joined"))
    #expect(scratch.bytes("joined/model.safetensors") == original)
  }

  @Test("a converted model lies in the flat layout, and in no layout of others")
  func hybrids() throws {
    func convert(_ layout: HDF5Options.Layout) throws -> Conversion.Outcome {
      try Conversion(
        ConversionRequest(
          source: Fixtures.model, keep: .layers([0, 6]), format: .hdf5(HDF5Options(layout: layout)))
      ).write(to: scratch.path(layout.rawValue))
    }
    _ = try convert(.flat)
    let hybrid = try ModelDirectory(scratch.path("flat"))
    #expect(hybrid.configuration.keptLayers == [0, 6])
    _ = try hybrid.load(on: CPUBackend(threads: 1))
    for layout in [HDF5Options.Layout.keras3, .kerasArchive, .kerasHub] {
      expectProblem(.kerasHubNoCounterpart) { try convert(layout).path }
    }
    #expect(scratch.entries() == ["flat"])
  }
}
