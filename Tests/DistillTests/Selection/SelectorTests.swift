import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeRuntime
import SelectionTestSupport
import TestSupport
import Testing

@Suite("selectors")
struct SelectorTests {
  let scratch = TemporaryDirectory()

  static let judgingNames: [String] = SelectorRegistry.all.map { $0.name }.filter {
    !["uniform", "terminals", "given", "ga-s2", "gr-s2", "avg-s2", "flashmorph"].contains($0)
  }

  @Test("each chooses as many layers as are asked for, twice the same", arguments: judgingNames)
  func judging(_ name: String) throws {
    try checkSelector(
      SelectorRegistry.selector(named: name), on: SelectionFixture.request(scratch, method: name), counts: [1, 3],
      backend: CPUBackend(threads: 2))
  }

  @Test("with copied weights the usual one finds the best pair, whatever the seed of gates and text", arguments: 0..<5)
  func seeds(_ seed: Int) throws {
    var request = try SelectionFixture.request(scratch)
    (request.sequences, request.length, request.prompts, request.pairs) = (8, 128, 6, 16)
    request.seed = UInt64(seed)
    #expect(try Pipeline(backend: CPUBackend(threads: 2)).select(request).selection.keep == [0, 6])
  }

  @Test(
    "even distances, with and without the ends",
    arguments: [
      ("uniform", 2, [0, 4]), ("uniform", 3, [0, 2, 5]), ("terminals", 2, [0, 7]), ("terminals", 3, [0, 4, 7]),
      ("terminals", 1, [0]), ("uniform", 8, Array(0..<8)), ("terminals", 8, Array(0..<8)), ("uniform", 0, []),
    ])
  func even(_ name: String, _ count: Int, _ expected: [Int]) throws {
    let report = try Pipeline(backend: CPUBackend(threads: 1)).select(
      SelectionRequest(model: Fixtures.model, method: name, keep: count))
    #expect(report.selection.keep == expected)
  }

  @Test("of a hybrid, the softmax layers that are left are chosen from")
  func hybrid() throws {
    let report = try Pipeline(backend: CPUBackend(threads: 1)).select(
      SelectionRequest(model: Fixtures.hybrid, method: "uniform", keep: 1))
    #expect(report.selection.ranking == [0, 6])
  }

  @Test("layers given by hand are kept, and others refused")
  func given() throws {
    func keep(_ layers: [Int], count: Int = 2) throws -> [Int] {
      var request = SelectionRequest(model: Fixtures.model, method: "given", keep: count)
      request.given = layers
      return try Pipeline(backend: CPUBackend(threads: 1)).select(request).selection.keep
    }
    #expect(try keep([6, 0]) == [0, 6])
    for bad in [[], [6], [6, 6], [6, 8], [0, 1, 2]] { expectProblem(.badArgument) { try keep(bad) } }
  }

  @Test(
    "where one layer alone mixes tokens, every method that goes by KL puts it first",
    arguments: [
      "kl-recall", "gr-s1", "ga-s1", "greedy-ga", "greedy-gr", "exhaustive", "zero-ppl", "zero-mse", "smart",
    ],
    [2, 5])
  func planted(_ name: String, _ layer: Int) throws {
    let model = try SelectionFixture.modelMixing(in: layer, scratch)
    let report = try Pipeline(backend: CPUBackend(threads: 2)).select(
      SelectionFixture.request(scratch, model: model, method: name, keep: 1))
    #expect(report.selection.keep == [layer])
    #expect(report.selection.confidence ?? 1 == 1)
  }

  @Test("also where candidates are trained, each once for all methods that ask for it", .tags(.slow))
  func plantedTrained() throws {
    var request = try SelectionFixture.request(
      scratch, model: SelectionFixture.modelMixing(in: 4, scratch), method: "avg-s2", keep: 1)
    request.compared = ["ga-s2", "gr-s2"]
    let report = try Pipeline(backend: CPUBackend(threads: 2)).select(request)
    #expect(report.selections.map(\.keep) == [[4], [4], [4]])
    #expect(report.selections.map(\.cost.trainedTokens) == [16 * 512, 0, 0])
    #expect(report.selections[1].layers.allSatisfy { $0.score >= 0 })
  }

  @Test("trained side by side, candidates stop when the choice has been the same three times", .tags(.slow))
  func earlyStop() throws {
    var request = try SelectionFixture.request(
      scratch, model: SelectionFixture.modelMixing(in: 4, scratch), method: "gr-s2", keep: 1)
    request.tokens = 8 * 512
    request.stopsEarly = true
    let found = try Pipeline(backend: CPUBackend(threads: 2)).select(request).selection
    #expect(found.keep == [4])
    #expect(found.cost.trainedTokens == 8 * 3 * 512)
    #expect(found.notes == ["stopped after 38 % of each match, the same layers three times"])
  }

  @Test("scores are differences of divergences that a conversion shows")
  func meaning() throws {
    let run = try SelectionRun(
      SelectionFixture.request(scratch, keep: 1), on: CPUBackend(threads: 2), progress: .silent)
    let selection = try ReplaceOneSelector().select(run)
    let path = scratch.path("hybrid")
    _ = try Conversion(ConversionRequest(source: Fixtures.model, keep: .layers([0, 1, 2, 4, 5, 6, 7]))).write(to: path)
    let sums = try run.judge().judge(ModelDirectory(path).load(on: run.backend), on: run.text(), countsHits: false)
    let mean = sums.reduce(0) { $0 + $1.divergence } / Double(sums.reduce(0) { $0 + $1.rows })
    #expect(abs(selection.layers[3].score - mean) < 1e-5 * mean)
  }

  @Test("seeds judge on other text and other prompts")
  func seeds() throws {
    func material(_ seed: UInt64) throws -> ([[Int]], [[Int]]) {
      var request = try SelectionFixture.request(scratch)
      request.seed = seed
      let run = try SelectionRun(request, on: CPUBackend(threads: 1), progress: .silent)
      return (try run.text().map(\.ids), try run.answers().map(\.ids))
    }
    let (first, again, other) = (try material(1), try material(1), try material(2))
    #expect(first == again)
    #expect(first.0 != other.0 && first.1 != other.1)
    #expect(first.0.count == 3 && first.0.allSatisfy { $0.count == 64 } && first.1.count == 2)
  }

  @Test("requests that cannot be are refused before anything is loaded")
  func badRequests() throws {
    let backend = try CPUBackend(threads: 1)
    func refused(_ problem: Problem, _ change: (inout SelectionRequest) -> Void) throws {
      var request = try SelectionFixture.request(scratch)
      change(&request)
      expectProblem(problem) { try Pipeline(backend: backend).select(request) }
    }
    try refused(.unknownSelector) { $0.method = "guess" }
    try refused(.unknownSelector) { $0.compared = ["guess"] }
    try refused(.badArgument) { $0.keep = 9 }
    try refused(.badArgument) { $0.keep = -1 }
    try refused(.badArgument) { $0.texts = [] }
    try refused(.badArgument) { $0.sequences = 0 }
    try refused(.badArgument) { $0.length = 1 }
    try refused(.badArgument) { $0.pairs = 100_000 }
    try refused(.badArgument) { $0.answerWeight = -.infinity }
    try refused(.modelsDoNotFit) { $0.student = Fixtures.hybrid }
    try refused(.unreadable) { $0.merged = ["/nowhere.jsonl"] }
  }

  @Test("too many sets are refused, and all sets are tried where they are few")
  func sets() throws {
    let run = try SelectionRun(
      SelectionRequest(model: Fixtures.model, method: "exhaustive", keep: 3), on: CPUBackend(threads: 1),
      progress: .silent)
    let sets = try ExhaustiveSelector.sets(run)
    #expect(sets.count == 56 && Set(sets).count == 56 && sets[0] == [0, 1, 2] && sets[55] == [5, 6, 7])
  }
}
