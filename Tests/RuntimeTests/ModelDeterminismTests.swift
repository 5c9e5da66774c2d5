import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("determinism of whole models")
struct ModelDeterminismTests {
  /// How a model is held.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var elementType = ElementType.float32
    var options = LoadOptions()
  }

  static let cases = [
    Case(testDescription: "float32"),
    Case(testDescription: "bfloat16", elementType: .bfloat16),
    Case(testDescription: "eight bits", options: LoadOptions(quantized: .eightBit)),
    Case(testDescription: "four bits", options: LoadOptions(quantized: .fourBit)),
    Case(testDescription: "a bfloat16 cache", options: LoadOptions(cacheType: .bfloat16)),
    Case(
      testDescription: "bfloat16, a bfloat16 cache, eight bits", elementType: .bfloat16,
      options: LoadOptions(quantized: .eightBit, cacheType: .bfloat16)),
  ]

  @Test(
    "logits of ragged sequences through every mixer are the same bits for any number of threads",
    arguments: InstructionSet.available, cases)
  func threadsDoNotMatter(_ instructionSet: InstructionSet, _ held: Case) throws {
    let scratch = TemporaryDirectory()
    // Large enough that every operation has work for five threads, in rows that are whole blocks.
    let sizes: JSONObject = [
      "hidden_size": .integer(128), "head_dim": .integer(32), "intermediate_size": .integer(320),
      "vocab_size": .integer(200),
    ]
    let directory = try PicoModel(
      .qwen3, tied: false, elementType: held.elementType, mixers: PicoModel.everyMixer(), fields: sizes
    ).open(in: scratch)
    func logits(_ threads: Int) throws -> [[UInt32]] {
      let backend = try CPUBackend(threads: threads, instructionSet: instructionSet)
      return try Self.logits(directory.load(on: backend, held.options))
    }
    let one = try logits(1)
    #expect(one.count == Self.prompts.count && one.allSatisfy { $0.count == 200 * (1 + Self.steps) })
    for threads in [2, 3, 5] { #expect(try logits(threads) == one, "\(threads) threads") }
  }

  /// Of prompts that together fill more than a prefill block, one longer than a window's cache takes at a time.
  static let prompts = [3, 300, 1, 64, 700]
  static let steps = 3

  /// The bits of the last logits of each prompt and of steps after it, all sequences together.
  private static func logits(_ model: Model) throws -> [[UInt32]] {
    var generator = SeededGenerator(seed: 11, stream: "tokens")
    let batch = prompts.map { count in
      SequenceInput(
        (0..<count).map { _ in generator.index(below: 200) }, state: model.makeState(capacity: count + steps))
    }
    var found = prompts.map { _ in [UInt32]() }
    func feed(_ batch: [SequenceInput]) throws {
      try model.forward(batch, rows: .last) { found[$0] += model.backend.readFloats($1).map(\.bitPattern) }
    }
    try feed(batch)
    for step in 0..<steps { try feed(batch.map { SequenceInput([step * 31], state: $0.state) }) }
    return found
  }
}
