import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import HybridizeRuntime
import SelectionTestSupport
import TestSupport
import Testing

@Suite("selectors by statistics, gradients and gates")
struct StatisticSelectorTests {
  let scratch = TemporaryDirectory()

  private func request(_ method: String, model: String = Fixtures.model, keep: Int = 2) throws -> SelectionRequest {
    let lines = try FileSystem.read(Fixtures.text, limit: 1 << 24).split(separator: UInt8(ascii: "\n")).prefix(120)
    var request = SelectionRequest(model: model, method: method, keep: keep)
    request.texts = [
      (scratch.write("some.jsonl", lines.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()), 1)
    ]
    request.cache = scratch.makeDirectory("tokens of text")
    request.words = Fixtures.path("text/words.json")
    request.sequences = 3
    request.length = 64
    request.prompts = 2
    request.pairs = 6
    request.resamples = 50
    return request
  }

  private func selection(_ request: SelectionRequest) throws -> Selection {
    try Pipeline(backend: CPUBackend(threads: 2)).select(request).selection
  }

  @Test(
    "each chooses as many layers as are asked for, twice the same",
    arguments: ["attention", "dof", "lamp", "gradient-norm", "flashmorph"])
  func all(_ name: String) throws {
    try checkSelector(
      SelectorRegistry.selector(named: name), on: request(name), counts: [0], backend: CPUBackend(threads: 2))
    let selection = try selection(request(name))
    #expect(selection.details.allSatisfy { $0.values.count == 8 && $0.values.allSatisfy(\.isFinite) })
    #expect((selection.cost.judgedTokens > 0) == (name != "lamp"))
    #expect(selection.json["details"]?.arrayValue?.count == selection.details.count)
  }

  @Test("what is measured does not depend on the number of threads", arguments: ["attention", "dof", "lamp"])
  func threads(_ name: String) throws {
    let request = try request(name)
    let found = try [1, 3].map { threads in
      var selection = try Pipeline(backend: CPUBackend(threads: threads)).select(request).selection
      selection.cost = SelectionCost()
      return selection
    }
    #expect(found[0] == found[1])
  }

  @Test("attention is measured in shares, tokens and nats")
  func attention() throws {
    let selection = try selection(request("attention"))
    #expect(selection.layers.allSatisfy { $0.score > 0 && $0.score < 1 } && selection.confidence != nil)
    #expect(selection.details.map(\.name) == ["distance", "entropy"])
    #expect(selection.details[0].values.allSatisfy { $0 > 0 && $0 < 63 })
    #expect(selection.details[1].values.allSatisfy { $0 > 0 && $0 < 4.2 })
    var short = try request("attention")
    short.length = 5
    expectProblem(.badArgument) { try self.selection(short) }
  }

  @Test("there are more degrees of freedom than none and less than points")
  func freedom() throws {
    let selection = try selection(request("dof"))
    for (layer, mean) in zip(selection.layers, selection.details[0].values) {
      #expect(layer.score >= mean && mean > 0 && layer.score < 256)
    }
  }

  @Test("queries that are no numbers are found, and where")
  func notFinite() throws {
    let copy = ModelCopy(in: scratch, as: "broken")
    try copy.rewriteWeights { tensors in
      for index in tensors.indices where tensors[index].name == "model.layers.5.self_attn.q_proj.weight" {
        // A NaN in bfloat16, in the first row: head 0.
        tensors[index].bytes[1] = 0x7F
        tensors[index].bytes[0] = 0xC0
      }
    }
    #expect(
      expectProblem(.notFinite) { try self.selection(self.request("dof", model: copy.path)) }?.found
        == "others in head 0 of layer 5")
    #expect(
      expectProblem(.notFinite) { try self.selection(self.request("lamp", model: copy.path)) }?.tensor
        == "model.layers.5.self_attn.q_proj.weight")
  }

  @Test("relative gradients are those of the student's divergence, computed directly")
  func gradients() throws {
    let backend = try CPUBackend(threads: 2)
    var request = try request("gradient-norm")
    let path = scratch.path("linear")
    _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([]))).write(to: path)
    request.student = path
    let run = try SelectionRun(request, on: backend, progress: .silent)
    let selection = try GradientNormSelector().select(run)
    let student = try TrainableModel(ModelDirectory(path), training: .everything, on: backend)
    let objective = try MatchObjective(teacher: run.teacher, student: student, options: StageOptions())
    let texts = try run.text()
    for text in texts { _ = try objective.accumulate(TokenBatch([TokenSequence(ids: text.ids)]), scale: 1) }
    let tokens = Double(texts.reduce(0) { $0 + $1.ids.count })
    let expected = (0..<8).map { layer in
      var (gradient, weights) = (0.0, 0.0)
      for parameter in student.parameters.all where parameter.name.hasPrefix("model.layers.\(layer).") {
        guard parameter.shape.rank == 2, !parameter.name.contains("mlp") else { continue }
        gradient += backend.read(parameter.gradient).reduce(0) { $0 + $1 * $1 }
        weights += backend.read(parameter.values).reduce(0) { $0 + $1 * $1 }
      }
      return (gradient / weights).squareRoot() / tokens
    }
    #expect(expected.allSatisfy { $0 > 0 })
    expectClose(selection.layers.map(\.score), expected, relative: 1e-4)
  }

  @Test("where one layer alone mixes tokens, its gate stays open and the others fall to the bottom", arguments: [2, 5])
  func planted(_ layer: Int) throws {
    let copy = ModelCopy(in: scratch, as: "planted")
    try copy.rewriteWeights { tensors in
      for index in tensors.indices where tensors[index].name.hasSuffix("self_attn.o_proj.weight") {
        guard !tensors[index].name.contains("layers.\(layer).") else { continue }
        tensors[index].bytes = Array(repeating: 0, count: tensors[index].bytes.count)
      }
    }
    let selection = try selection(request("flashmorph", model: copy.path, keep: 1))
    #expect(selection.keep == [layer])
    let gates = selection.details[0].values
    #expect(gates[layer] > 0.4, "\(gates)")
    #expect(gates.enumerated().allSatisfy { $0.offset == layer || $0.element == 0 }, "\(gates)")
    // Nothing but the price is felt there.
    #expect(selection.details[1].values.enumerated().allSatisfy { $0.offset == layer || $0.element == 1.0 / 8 })
  }
}
