import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("several sequences at a time")
struct BatchTests {
  static let models = [Fixtures.model, Fixtures.hybrid]

  @Test("ragged prompts and decode steps together give what each gives alone", arguments: models, CacheType.allCases)
  func raggedSequences(_ path: String, _ cacheType: CacheType) throws {
    let model = try ModelDirectory(path).load(on: CPUBackend(threads: 2))
    // Longer than a prefill block in all, so that blocks hold the end of one prompt and the start of the next.
    let prompts = [3, 300, 1, 64, 270].enumerated().map { ids($1, seed: UInt64($0), model) }
    let steps = (0..<4).map { ids(prompts.count, seed: 90 + UInt64($0), model) }

    var together = prompts.map { _ in [[Float]]() }
    let states = prompts.map { model.makeState(capacity: $0.count + steps.count, cacheType: cacheType) }
    try model.forward(zip(prompts, states).map { SequenceInput($0, state: $1) }, rows: .last) { index, logits in
      together[index].append(model.backend.readFloats(logits))
    }
    for step in steps {
      try model.forward(zip(step, states).map { SequenceInput([$0], state: $1) }, rows: .last) { index, logits in
        together[index].append(model.backend.readFloats(logits))
      }
    }
    for (index, prompt) in prompts.enumerated() {
      #expect(states[index].position == prompt.count + steps.count)
      let tokens = [prompt] + steps.map { [$0[index]] }
      let alone = try logits(of: tokens, model, cacheType)
      #expect(together[index].count == alone.count)
      // What rounding keys and values to bfloat16 comes to.
      let full = cacheType == .full ? nil : try logits(of: tokens, model, .full)
      for (step, found) in together[index].enumerated() {
        // A prompt of a few tokens goes through other kernels alone than in company, whose sums have another order; these
        // can round a key or value to bfloat16 the other way, which is less than rounding all of them.
        var bound = 2e-4
        if let full { bound = max(bound, zip(full[step], alone[step]).reduce(0) { max($0, abs($1.0 - $1.1)) } / 2) }
        expectClose(
          found.map { Double($0) }, alone[step], absolute: prompt.count > 32 ? 0 : bound,
          "sequence \(index), step \(step)")
      }
    }
  }

  /// What follows each of the inputs, one after the other.
  private func logits(of inputs: [[Int]], _ model: Model, _ cacheType: CacheType) throws -> [[Double]] {
    let state = model.makeState(capacity: inputs.reduce(0) { $0 + $1.count }, cacheType: cacheType)
    return try inputs.map { try model.lastLogits($0, state: state).map { Double($0) } }
  }

  @Test("all rows come sequence by sequence, in order")
  func allRows() throws {
    let model = try PicoModel().load(on: ReferenceBackend())
    let prompts = [ids(5, seed: 1, model), [], ids(2, seed: 2, model)]
    let states = prompts.map { model.makeState(capacity: max($0.count, 1)) }
    var received: [Int: [Double]] = [:]
    try model.forward(zip(prompts, states).map { SequenceInput($0, state: $1) }, rows: .all) { index, logits in
      received[index, default: []] += model.backend.read(logits)
    }
    #expect(received[1] == nil && states[1].position == 0)
    for index in [0, 2] {
      var alone: [Double] = []
      try model.forward(prompts[index], state: model.makeState(capacity: 5), rows: .all) {
        alone += model.backend.read($0)
      }
      expectClose(received[index] ?? [], alone, absolute: 1e-11, "sequence \(index)")
    }
  }

  @Test("rows that are asked for are those of all rows, across the blocks of a prefill", arguments: models)
  func someRows(_ path: String) throws {
    let model = try ModelDirectory(path).load(on: CPUBackend(threads: 2))
    let prompts = [3, 300, 1, 64, 700].enumerated().map { ids($1, seed: UInt64($0), model) }
    let places = [[0, 2], [], [0], [5, 6, 7], [0, 140, 150, 699]]
    var received = prompts.map { _ in [[Double]]() }
    let batch = prompts.map { SequenceInput($0, state: model.makeState(capacity: $0.count)) }
    try model.forward(batch, rows: .at(places)) { index, logits in
      received[index] += (0..<logits.rows).map { model.backend.read(logits.rows($0..<$0 + 1)) }
    }
    for (index, prompt) in prompts.enumerated() {
      var alone: [[Double]] = []
      try model.forward(prompt, state: model.makeState(capacity: prompt.count), rows: .all) { logits in
        alone += (0..<logits.rows).map { model.backend.read(logits.rows($0..<$0 + 1)) }
      }
      #expect(received[index].count == places[index].count)
      for (found, place) in zip(received[index], places[index]) {
        expectClose(found, alone[place], absolute: 2e-4, "sequence \(index), token \(place)")
      }
    }
  }

  @Test("tokens that do not fit one sequence leave all as they were")
  func refusal() throws {
    let model = try PicoModel().load(on: CPUBackend(threads: 1))
    let states = [model.makeState(capacity: 4), model.makeState(capacity: 2)]
    expectProblem(.contextOverflow) {
      try model.forward(
        [SequenceInput([1, 2], state: states[0]), SequenceInput([1, 2, 3], state: states[1])], rows: .none
      ) { _, _ in }
    }
    #expect(states.map(\.position) == [0, 0])
  }

  @Test("blocks take all tokens once, in order, and no more than fit")
  func blocks() {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      let counts = (0..<generator.index(below: 6)).map { _ in generator.index(below: 40) }
      let size = 1 + generator.index(below: 17)
      let blocks = TokenBlock.cut(counts, size: size)
      var next = counts.map { _ in 0 }
      for block in blocks {
        var row = 0
        for piece in block.pieces {
          #expect(piece.rows == row..<row + piece.tokens.count && !piece.tokens.isEmpty)
          #expect(piece.tokens.lowerBound == next[piece.sequence])
          (row, next[piece.sequence]) = (piece.rows.upperBound, piece.tokens.upperBound)
        }
        #expect(row <= size)
      }
      #expect(next == counts)
      let total = counts.reduce(0, +)
      #expect(blocks.count == (total + size - 1) / size, "blocks are full but the last")
    }
  }

  private func ids(_ count: Int, seed: UInt64, _ model: Model) -> [Int] {
    var generator = SeededGenerator(seed: seed, stream: "batch")
    return (0..<count).map { _ in generator.index(below: model.configuration.vocabularySize) }
  }
}
