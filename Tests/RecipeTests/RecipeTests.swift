import Foundation
import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import SelectionTestSupport
import TestSupport
import Testing

/// Each recipe of CONTRIBUTING.md, carried out with the very code that the page shows.
@Suite("the recipes of CONTRIBUTING")
struct RecipeTests {
  let scratch = TemporaryDirectory()

  @Test(
    "the page shows the code that is tested",
    arguments: [
      "PlainTextFormat", "Parrot", "FirstLayersSelector", "Reversal", "TokenShift", "TokenShiftTransfer",
    ])
  func page(_ name: String) throws {
    let page = try String(contentsOfFile: Fixtures.root + "/CONTRIBUTING.md", encoding: .utf8)
    let code = try String(contentsOfFile: Fixtures.root + "/Tests/RecipeTests/\(name).swift", encoding: .utf8)
    #expect(page.contains("```swift\n" + code + "```\n"), "CONTRIBUTING.md does not show \(name).swift as it is")
  }

  @Test("a checkpoint format is a file and a line")
  func format() throws {
    let path = scratch.write("small.tensors.txt", "scale 3 1 2.5 -3\nempty 0x4\nmatrix 2x2 1 2 3 4\n")
    let reader = try FormatRegistry.open(path, formats: FormatRegistry.all + [PlainTextFormat.self])
    #expect(reader.tensors.map(\.name) == ["scale", "empty", "matrix"])
    try checkTensorReader(reader)
    let bad = scratch.write("bad.tensors.txt", "scale 3 1 2\n")
    expectProblem(.notATensorLine) { try PlainTextFormat.open(bad) }
    expectProblem(.unknownFormat) { try FormatRegistry.open(path) }
  }

  @Test("a source architecture is a file and a line")
  func architecture() throws {
    let source = try ModelDirectory(Fixtures.model)
    let path = scratch.makeDirectory("parrot")
    let renamed = try source.reader.tensors.map { tensor in
      try TensorDescriptor(
        name: Self.parrotName(tensor.name), elementType: tensor.elementType, shape: tensor.shape)
    }
    let writer = try SafetensorsWriter(path + "/model.safetensors", tensors: renamed)
    let originals = Dictionary(uniqueKeysWithValues: source.reader.tensors.map { (Self.parrotName($0.name), $0.name) })
    for tensor in writer.tensors {
      try writer.copy(try #require(originals[tensor.name]), from: source.reader, as: tensor.name)
    }
    _ = try writer.finish()
    var config = source.configuration.source
    config["model_type"] = .string("parrot")
    scratch.write("parrot/config.json", JSONWriter.indented(.object(config)))

    expectProblem(.unsupportedArchitecture) { try ModelDirectory(path) }
    let catalog = Catalog(architectures: Architecture.all + [.parrot])
    let backend = try CPUBackend(threads: 1)
    let ids = [5, 100, 7, 2000]
    let (parrot, llama) = (try ModelDirectory(path, catalog: catalog).load(on: backend), try source.load(on: backend))
    #expect(
      try parrot.lastLogits(ids, state: parrot.makeState(capacity: 4))
        == llama.lastLogits(ids, state: llama.makeState(capacity: 4)))
  }

  private static func parrotName(_ name: String) -> String {
    [
      ("model.embed_tokens.", "parrot.words."), ("model.layers.", "parrot.branches."),
      ("self_attn.q_proj", "talk.query"), ("self_attn.k_proj", "talk.key"),
    ].reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  @Test("a selector is a file and a line")
  func selector() throws {
    let backend = try CPUBackend(threads: 2)
    for model in [Fixtures.model, Fixtures.hybrid] {
      let request = SelectionRequest(model: model, method: "first", keep: 0)
      try checkSelector(FirstLayersSelector(), on: request, backend: backend)
    }
    let report = try Pipeline(backend: backend).select(
      SelectionRequest(model: Fixtures.model, method: "first", keep: 2),
      selectors: SelectorRegistry.all + [FirstLayersSelector.self])
    #expect(report.selection.keep == [0, 1])
  }

  @Test("an evaluation task is a file and a line")
  func task() throws {
    let directory = try ModelDirectory(Fixtures.model)
    let tokenizer = try ModelDirectory.tokenizer(at: Fixtures.model)
    let request = try TaskRequest(
      ["reversal"], sizes: ["reversal.words=3"], greedy: true, among: TaskRegistry.all + [Reversal.self])
    let words = try RecallTask.readWords(Fixtures.path("text/words.json"))
    let task = try #require(request.tasks(prompts: 5, words: words, seed: 1, tokenizer: tokenizer).first)
    for prompt in task.prompts {
      let list = try tokenizer.decode(prompt.ids).split(separator: "\n")[2].split(separator: " ").dropFirst()
      let answers = try prompt.answers.map { try tokenizer.decode(Array(prompt.ids[$0])) }
      #expect(answers == list.reversed().map { " \($0)" })
    }
    let result = try task.measure(directory.load(on: CPUBackend(threads: 2)), greedy: request.greedy)
    #expect(result.prompts.count == 5 && result.prompts.allSatisfy { $0.greedyHits != nil })
    expectProblem(.badArgument) { try TaskRequest(["reversal"]) }
  }

  @Test("a token mixer is its file, its transfer rule and a line for each", arguments: BackendRegistry.names)
  func mixer(_ backend: String) throws {
    let catalog = Catalog(mixers: MixerRegistry.all + [TokenShiftSpecification.self])
    let methods = ConversionMethods(catalog: catalog, transfers: TransferRegistry.all + [TokenShiftTransfer.self])
    let request = ConversionRequest(source: Fixtures.model, keep: .layers([0, 6]), mixer: "token-shift")
    let conversion = try Conversion(request, methods: methods)
    #expect(conversion.accounting.dropped.count == 6 * 2)
    let path = scratch.path("shifted")
    _ = try conversion.write(to: path)

    expectProblem(.unknownMixer) { try ModelDirectory(path) }
    let directory = try ModelDirectory(path, catalog: catalog)
    let model = try directory.load(on: BackendRegistry.make(backend, threads: 2))
    checkTokenMixer(model, layer: 1, tolerance: backend == "reference" ? 1e-11 : 1e-4)
    try checkMixerTraining(directory, layer: 1)
  }
}
