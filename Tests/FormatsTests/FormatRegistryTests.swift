import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the registry of formats")
struct FormatRegistryTests {
  private let directory = TemporaryDirectory()
  private let file = SafetensorsBytes.file(#"{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, dataSize: 1)

  @Test(
    "knows safetensors by content, whatever the file is called", arguments: ["model.safetensors", "0a1b2c", "x.bin"])
  func byContent(_ name: String) throws {
    let reader = try FormatRegistry.open(directory.write(name, file))
    #expect(reader.formatName == "safetensors")
    try checkTensorReader(reader)
  }

  @Test("says what is wrong with a file that is safetensors by name alone")
  func byName() throws {
    let path = directory.write("a.safetensors", "nonsense")
    expectProblem(.headerTooLarge) { try FormatRegistry.open(path) }
  }

  @Test("names the formats that it knows for everything else")
  func unknown() throws {
    let text = directory.write("notes.txt", "hello")
    let error = expectProblem(.unknownFormat) { try FormatRegistry.open(text) }
    #expect(error?.expected?.contains("safetensors") == true)
    #expect(error?.found == "5 bytes starting with 68 65 6c 6c 6f")
    expectProblem(.unknownFormat) { try FormatRegistry.open(directory.write("none", "")) }
    expectProblem(.unknownFormat) { try FormatRegistry.open(directory.makeDirectory("empty")) }
    #expect(
      expectProblem(.unknownFormat) { try FormatRegistry.open(directory.path) }?.found?.contains("notes.txt") == true)
    let missing = expectProblem(.unreadable) { try FormatRegistry.open(directory.path("missing")) }
    #expect(missing?.found == "No such file or directory")
  }

  @Test("opens the model of a directory, and what the user gave is its path")
  func directoryWithModel() throws {
    directory.write("config.json", "{}")
    let path = directory.write("model.safetensors", file)
    directory.write("model.fp16.safetensors", "another variant")
    let reader = try FormatRegistry.open(directory.path)
    #expect(reader.path == directory.path)
    #expect(reader.files == [path])
  }

  @Test("opens the only file of a directory, and asks when there are several")
  func otherNames() throws {
    let only = directory.write("adapter_model.safetensors", file)
    #expect(try FormatRegistry.open(directory.path).files == [only])
    directory.write("other.safetensors", file)
    let error = expectProblem(.ambiguousCheckpoint) { try FormatRegistry.open(directory.path) }
    #expect(error?.found == "adapter_model.safetensors, other.safetensors")
  }

  @Test("does not choose between a whole model and its shards")
  func wholeAndShards() throws {
    let whole = directory.write("model.safetensors", file)
    directory.write("model.safetensors.index.json", #"{"weight_map":{"t":"model-00001-of-00001.safetensors"}}"#)
    expectProblem(.ambiguousCheckpoint) { try FormatRegistry.open(directory.path) }
    directory.write("model.safetensors.index.json", #"{"weight_map":{"t":"model.safetensors"}}"#)
    #expect(try FormatRegistry.open(directory.path).files == [whole])
  }

  @Test("opens the index of a variant")
  func variant() throws {
    let shard = directory.write("model.fp16-00001-of-00001.safetensors", file)
    let index = directory.write(
      "model.safetensors.index.fp16.json", #"{"weight_map":{"t":"model.fp16-00001-of-00001.safetensors"}}"#)
    #expect(try FormatRegistry.open(index).files == [shard])
    #expect(try FormatRegistry.open(directory.path).files == [shard])
  }

  @Test(
    "says what a checkpoint is that is not read",
    arguments: [
      (["model.gguf"], "GGUF"), (["pytorch_model.bin", "config.json"], "pickled"),
      (["pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"], "pickled"), (["model.pth"], "pickled"),
    ])
  func otherFormats(_ names: [String], _ word: String) throws {
    for name in names { directory.write(name, "x") }
    for path in [directory.path, directory.path(names[0])] {
      let error = expectProblem(.otherFormat) { try FormatRegistry.open(path) }
      #expect(error?.found?.contains(word) == true)
      #expect(error?.remedy?.contains("safetensors") == true)
    }
    directory.write("model.safetensors", file)
    _ = try FormatRegistry.open(directory.path)
  }

  @Test("knows GGUF by its first bytes")
  func gguf() throws {
    let path = directory.write("blob", Array("GGUF".utf8) + [3, 0, 0, 0])
    #expect(expectProblem(.otherFormat) { try FormatRegistry.open(path) }?.found?.contains("GGUF") == true)
  }
}
