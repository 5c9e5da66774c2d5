import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a manifest against its files")
struct ManifestCheckTests {
  let scratch = TemporaryDirectory()

  @Test("a converted model is what its manifest says until a file is changed, shortened or taken away")
  func changes() throws {
    let path = scratch.path("hybrid")
    _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([0, 6]))).write(to: path)
    #expect(try ManifestCheck.failures(in: path) == [])
    var weights = scratch.bytes("hybrid/model.safetensors")
    weights[weights.count - 1] ^= 1
    scratch.write("hybrid/model.safetensors", weights)
    #expect(try ManifestCheck.failures(in: path)?.count == 1)
    scratch.write("hybrid/README.md", "short")
    DirectoryTree.remove(path + "/config.json")
    #expect(
      try ManifestCheck.failures(in: path)?.map { $0.split(separator: ":")[0] }
        == ["model.safetensors", "config.json", "README.md"])
  }

  @Test("without a manifest there is nothing to say, and one that is none is an error")
  func none() throws {
    #expect(try ManifestCheck.failures(in: Fixtures.model) == nil)
    for text in ["{", "{}", #"{"files": [{"file": "../x", "bytes": 1, "sha256": ""}]}"#] {
      scratch.write("hybridize.json", text)
      let error = #expect(throws: HybridizeError.self) { try ManifestCheck.failures(in: scratch.path) }
      #expect(error?.category == .inputFile && error?.file?.hasSuffix("hybridize.json") == true)
    }
  }
}
