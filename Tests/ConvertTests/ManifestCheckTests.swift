import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import TestSupport
import Testing

@Suite("a manifest against its files")
struct ManifestCheckTests {
  let scratch = TemporaryDirectory()

  private func failures(in path: String) throws -> [String]? {
    try ManifestCheck.failures(in: path, TensorScan(FormatRegistry.open(path), .digests, threads: 2))
  }

  @Test("a converted model is what its manifest says until a file is changed, shortened or taken away")
  func changes() throws {
    let path = scratch.path("hybrid")
    _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([0, 6]))).write(to: path)
    #expect(try failures(in: path) == [])
    var weights = scratch.bytes("hybrid/model.safetensors")
    weights[weights.count - 1] ^= 1
    scratch.write("hybrid/model.safetensors", weights)
    #expect(try failures(in: path) == ["model.norm.weight: other bytes than hybridize.json says"])
    scratch.write("hybrid/README.md", "short")
    DirectoryTree.remove(path + "/config.json")
    #expect(
      try failures(in: path)?.map { $0.split(separator: ":")[0] } == ["config.json", "README.md", "model.norm.weight"])
  }

  @Test("without a manifest there is nothing to say, and one that is none is an error")
  func none() throws {
    #expect(try failures(in: Fixtures.model) == nil)
    let scan = try TensorScan(FormatRegistry.open(Fixtures.model), .digests, threads: 1)
    for text in ["{", "{}", #"{"files": [{"file": "../x", "bytes": 1}], "tensors": {"digests": []}}"#] {
      scratch.write("hybridize.json", text)
      let error = #expect(throws: HybridizeError.self) { try ManifestCheck.failures(in: scratch.path, scan) }
      #expect(error?.category == .inputFile && error?.file?.hasSuffix("hybridize.json") == true)
    }
  }
}
