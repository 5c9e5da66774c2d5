import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("a KerasHub preset")
struct KerasHubPresetTests {
  @Test("opens as a model, with the tensors that its configuration asks for", arguments: ["llama", "qwen2", "qwen3"])
  func opens(_ family: String) throws {
    let model = try ModelDirectory(Fixtures.path("hdf5/keras/\(family)"))
    #expect(model.configuration.architecture.name == family)
    #expect(model.configuration.layerCount == 2)
    #expect(model.configuration.tiedHead == (family != "llama"))
    #expect(model.reader.formatName == "hdf5")
    _ = try model.load(on: ReferenceBackend())
  }

  @Test("with a sliding window has it in every layer, as Hugging Face's has")
  func window() throws {
    let model = try ModelDirectory(Fixtures.path("hdf5/keras/mistral")).configuration
    let windows = model.mixers.map { ($0 as? WindowedAttentionSpecification)?.window }
    #expect(windows == Array(repeating: 8, count: model.layerCount))
  }
}
