import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("model")
struct ModelTests {
  /// A model of each build that the families have.
  struct Build: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let make: @Sendable () throws -> PicoModel

    init(_ name: String, _ make: @escaping @Sendable () throws -> PicoModel) {
      testDescription = name
      self.make = make
    }

    static let hybrid = Build("hybrid") {
      var options = GatedDeltaNetOptions(keyValueHeads: 2)
      (options.rotary, options.convolution) = (true, 4)
      return try PicoModel(tied: false, mixers: [options, SoftmaxAttentionSpecification(), options])
    }

    static let all = [
      Build("llama") { try PicoModel() },
      Build("llama with a head of its own") { try PicoModel(tied: false) },
      Build("llama with biases everywhere") { try PicoModel(tied: false, biases: true) },
      Build("llama in bfloat16") { try PicoModel(elementType: .bfloat16) },
      Build("mistral") { try PicoModel(.mistral, tied: false) },
      Build("qwen2, with biases") { try PicoModel(.qwen2) },
      Build("qwen3, with norms on query and key") { try PicoModel(.qwen3, tied: false) },
      Build("qwen3 with biases") { try PicoModel(.qwen3, biases: true) },
      hybrid,
    ]
  }

  private func tokens(_ count: Int, seed: UInt64 = 1) -> [Int] {
    var generator = SeededGenerator(seed: seed, stream: "tokens")
    return (0..<count).map { _ in generator.index(below: 40) }
  }

  /// All logits of tokens that are fed in pieces.
  private func logits(
    _ model: Model, _ ids: [Int], pieces: [Int], state: DecodingState? = nil
  ) throws -> [Double] {
    let state = state ?? model.makeState(capacity: ids.count)
    var found: [Double] = []
    var start = 0
    for piece in pieces {
      try model.forward(Array(ids[start..<start + piece]), state: state, rows: .all) {
        found += model.backend.read($0)
      }
      start += piece
    }
    return found
  }

  @Test("the CPU computes what the reference computes", arguments: Build.all)
  func backends(_ build: Build) throws {
    let pico = try build.make()
    let ids = tokens(90)
    let expected = try logits(pico.load(on: ReferenceBackend()), ids, pieces: [90])
    for instructionSet in InstructionSet.available {
      let model = try pico.load(on: CPUBackend(threads: 2, instructionSet: instructionSet))
      expectClose(try logits(model, ids, pieces: [90]), expected, absolute: 1e-4, "\(instructionSet)")
    }
  }

  @Test(
    "what a family has beyond the plain one is part of the result", arguments: [Architecture.llama, .qwen2, .qwen3])
  func parameters(_ architecture: Architecture) throws {
    let pico = try PicoModel(architecture, tied: false, biases: true)
    let ids = tokens(5)
    let before = try logits(pico.load(on: ReferenceBackend()), ids, pieces: [5])
    for tensor in pico.tensors {
      var changed = pico
      changed.set(tensor.name, Array(repeating: 0.25, count: try tensor.shape.elementCount()), shape: tensor.shape)
      #expect(try logits(changed.load(on: ReferenceBackend()), ids, pieces: [5]) != before, "\(tensor.name)")
    }
  }

  @Test(
    "a prompt of several prefill blocks equals ragged pieces of it", arguments: BackendRegistry.names,
    [Build.all[0], Build.hybrid])
  func prefillBlocks(_ backend: String, _ build: Build) throws {
    let model = try build.make().load(on: try BackendRegistry.make(backend, threads: 2))
    let count = 2 * Model.prefillBlock + 76
    let ids = tokens(count)
    let whole = try logits(model, ids, pieces: [count])
    let tolerance = backend == "reference" ? 1e-11 : 1e-4
    for pieces in [[1, 7, Model.prefillBlock, Model.prefillBlock + 1, 67], [count - 2, 1, 1], [0, 511, count - 511]] {
      expectClose(
        try logits(model, ids, pieces: pieces), whole, absolute: tolerance, "pieces of \(pieces)")
    }
    let last = try model.lastLogits(ids, state: model.makeState(capacity: count)).map { Double($0) }
    expectClose(last, Array(whole.suffix(last.count)), absolute: 1e-5, "the last token's")
  }

  @Test("logits come for the rows that were asked for, block by block")
  func rows() throws {
    let model = try PicoModel().load(on: CPUBackend(threads: 1))
    let ids = tokens(Model.prefillBlock + 3)
    let block = Model.prefillBlock
    for (rows, expected) in [
      (.none, []), (.last, [1]), (.all, [block, 3]), (.at([[]]), []), (.at([[0, 5, block - 1]]), [3]),
      (.at([[block + 1]]), [1]), (.at([[7, block, block + 2]]), [1, 2]), (.at([Array(0..<block + 3)]), [block, 3]),
    ] as [(Model.LogitRows, [Int])] {
      var received: [Int] = []
      let state = model.makeState(capacity: ids.count)
      try model.forward(ids, state: state, rows: rows) { received.append($0.rows) }
      #expect(received == expected)
      #expect(state.position == ids.count)
      if case .at = rows { continue }
      try model.forward([], state: state, rows: rows) { _ in Issue.record("no token has logits") }
    }
  }

  @Test("logits of a token that is not there are a mistake of the program")
  func rowsThatAreNot() async throws {
    await #expect(processExitsWith: .failure) {
      let model = try PicoModel().load(on: CPUBackend(threads: 1))
      try model.forward([1, 2], state: model.makeState(capacity: 2), rows: .at([[2]]))
    }
    await #expect(processExitsWith: .failure) {
      let model = try PicoModel().load(on: CPUBackend(threads: 1))
      try model.forward([1, 2], state: model.makeState(capacity: 2), rows: .at([[1, 0]]))
    }
    await #expect(processExitsWith: .failure) {
      let model = try PicoModel().load(on: CPUBackend(threads: 1))
      try model.forward([1, 2], state: model.makeState(capacity: 2), rows: .at([]))
    }
  }

  @Test("a forked state goes its own way", arguments: [Build.all[0], Build.hybrid])
  func forks(_ build: Build) throws {
    let model = try build.make().load(on: ReferenceBackend())
    let (head, left, right) = (tokens(9), tokens(6, seed: 2), tokens(6, seed: 3))
    let original = model.makeState(capacity: 15)
    _ = try logits(model, head, pieces: [9], state: original)
    let fork = original.fork()
    #expect(fork.byteCount == original.byteCount)
    // Alternating, so that one would see what the other writes.
    var found: ([Double], [Double]) = ([], [])
    for index in 0..<6 {
      found.0 += try logits(model, [left[index]], pieces: [1], state: original)
      found.1 += try logits(model, [right[index]], pieces: [1], state: fork)
    }
    for (tail, found) in [(left, found.0), (right, found.1)] {
      let whole = try logits(model, head + tail, pieces: [15])
      expectClose(found, Array(whole.suffix(6 * 40)), absolute: 1e-11, "after the fork")
    }
    #expect(original.position == 15 && fork.position == 15)
  }

  @Test("tokens that cannot be fed leave the state as it was")
  func refusedTokens() throws {
    let model = try Build.hybrid.make().load(on: ReferenceBackend())
    let ids = tokens(8)
    let expected = try logits(model, ids, pieces: [8])
    let state = model.makeState(capacity: 8)
    let first = try logits(model, Array(ids.prefix(5)), pieces: [5], state: state)
    for (bad, problem) in [
      ([1, 40], .tokenOutOfRange), ([-1], .tokenOutOfRange), ([1, 2, 3, 4], .contextOverflow),
    ] as [([Int], Problem)] {
      #expect(expectProblem(problem) { try model.lastLogits(bad, state: state) }?.category == .argument)
    }
    #expect(expectProblem(.emptyPrompt) { try model.lastLogits([], state: state) }?.category == .argument)
    #expect(state.position == 5)
    expectClose(
      first + (try logits(model, Array(ids.suffix(3)), pieces: [3], state: state)), expected, absolute: 1e-11)
  }

  @Test("keys and values grow with the tokens, recurrent states do not")
  func bytes() throws {
    let model = try Build.hybrid.make().load(on: CPUBackend(threads: 1))
    let state = model.makeState(capacity: 100)
    let recurrent = 2 * (4 * 6 * 6 + 3 * (4 + 2 * 2) * 6) * 4
    #expect(state.byteCount == recurrent)
    try model.forward(tokens(10), state: state, rows: .none)
    #expect(state.byteCount == recurrent + 10 * 2 * 2 * 6 * 4)
  }

  @Test("both forms of every mixer agree", arguments: [Build.all[0], Build.hybrid])
  func agreement(_ build: Build) throws {
    let model = try build.make().load(on: CPUBackend(threads: 2))
    let agreements = try model.mixerAgreement(tokens(70))
    #expect(agreements.map(\.layer) == Array(0..<model.configuration.layerCount))
    for agreement in agreements {
      #expect(agreement.largestOutput > 0.01)
      #expect(agreement.largestDifference < 1e-4 * agreement.largestOutput)
    }
  }
}
