import HybridizeCompute
import HybridizeDistill
import TestSupport
import Testing

@Suite("pruning by magnitude")
struct MagnitudePruningTests {
  private let scores = [MagnitudePruning.scores([3, -1, 2]), MagnitudePruning.scores([1, 1, 0])]

  @Test("the scores of a matrix are squares by what is not smaller")
  func byHand() {
    #expect(scores == [[1.0 / 14, 4.0 / 13, 1], [0, 0.5, 1]])
    #expect(MagnitudePruning.scores([]) == [] && MagnitudePruning.scores([0, 0]) == [0, 0])
    #expect(MagnitudePruning.scores([1e-30, -1e30]) == [Float(0), 1])
  }

  @Test(
    "the highest scores of all matrices are left, never a zero",
    arguments: [(0.2, [1, 1]), (0.5, [1, 2]), (0.6, [2, 2]), (0.75, [3, 2]), (1, [3, 2])] as [(Double, [Int])])
  func survivors(_ share: Double, _ expected: [Int]) {
    #expect(MagnitudePruning.survivors(scores, share: share) == expected)
  }

  @Test("a layer whose attention is one large weight is pruned first")
  func sparse() throws {
    let scratch = TemporaryDirectory()
    var model = try PicoModel(layers: 3)
    for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
      let tensor = model["model.layers.1.self_attn.\(name).weight"]
      var values = Array(repeating: 1e-6, count: tensor.shape.dimensions.reduce(1, *))
      values[0] = 1
      model.set(tensor.name, values, as: .float32, shape: tensor.shape)
    }
    try model.write(to: scratch)
    let request = SelectionRequest(model: scratch.path, method: "lamp", keep: 2)
    for backend in [ReferenceBackend(), try CPUBackend(threads: 2)] as [any Backend] {
      let selection = try Pipeline(backend: backend).select(request).selection
      #expect(selection.keep == [0, 2] && selection.cost.judgedTokens == 0)
      // By far the most of the rest: 0.25 of all weights, none of layer 1 but the largest four.
      let values = selection.layers.map(\.score)
      #expect(values[1] < 0.02 && abs(values[0] + values[1] + values[2] - 0.75) < 0.01)
    }
  }
}
