import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("an adapter where a model is expected")
struct AdapterFilesTests {
  let scratch = TemporaryDirectory()

  private func writeAdapter(_ base: String = "org/base") {
    scratch.write("adapter_config.json", #"{"peft_type": "LORA", "base_model_name_or_path": "\#(base)"}"#)
    scratch.write("adapter_model.safetensors", "x")
  }

  @Test("alone is named, with its base and what to do", arguments: [true, false])
  func alone(_ hasConfiguration: Bool) throws {
    writeAdapter()
    if hasConfiguration { scratch.write("config.json", "{}") }
    for path in [scratch.path, scratch.path("adapter_model.safetensors")] {
      let error = expectProblem(.adapterAlone) { try ModelDirectory(path).path }
      #expect(error?.file == scratch.path("adapter_config.json"))
      #expect(error?.found == "an adapter of org/base")
      #expect(error?.remedy?.contains("--adapter DIR") == true)
    }
  }

  @Test("with a name of megabytes makes no message of megabytes")
  func longName() throws {
    writeAdapter(String(repeating: "a", count: 5_000_000))
    let error = expectProblem(.adapterAlone) { try ModelDirectory(scratch.path).path }
    #expect(ErrorText.render(error ?? HybridizeError(.unreadable)).utf8.count < 1000)
  }

  @Test(
    "without its configuration, or pickled, is known all the same",
    arguments: ["adapter_model.safetensors", "adapter_model.bin"])
  func weightsAlone(_ name: String) throws {
    scratch.write(name, "x")
    #expect(expectProblem(.adapterAlone) { try ModelDirectory(scratch.path).path }?.file == scratch.path(name))
  }

  @Test("beside a model is refused, unless somebody merges it or names the weights")
  func beside() throws {
    try PicoModel().write(to: scratch)
    _ = try ModelDirectory(scratch.path)
    writeAdapter()
    let error = expectProblem(.adapterBesideWeights) { try ModelDirectory(scratch.path).path }
    #expect(error?.file == scratch.path("adapter_config.json"))
    #expect(error?.remedy?.contains("hybridize convert DIR OUT --adapter DIR") == true)
    #expect(try ModelDirectory(scratch.path, mergesAdapter: true).path == scratch.path)
    #expect(try ModelDirectory(scratch.path("model.safetensors")).path == scratch.path)
  }

  @Test("pickled is refused with a remedy, in a directory of adapters")
  func pickled() throws {
    scratch.write("adapter_model.bin", "x")
    #expect(
      expectProblem(.pickledAdapter) { try AdapterFiles.weights(in: scratch.path) }?.remedy?.contains(
        "safe_serialization")
        == true)
    scratch.write("adapter_model.safetensors", "x")
    #expect(try AdapterFiles.weights(in: scratch.path) == scratch.path("adapter_model.safetensors"))
  }
}
