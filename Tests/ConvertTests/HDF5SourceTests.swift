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
}
