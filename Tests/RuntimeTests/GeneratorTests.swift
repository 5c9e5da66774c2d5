import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("generator")
struct GeneratorTests {
  private static let context = 24
  let model: Model

  init() throws {
    // A tied head says the last token again and again.
    let pico = try PicoModel(tied: false, fields: ["max_position_embeddings": .integer(Self.context)])
    model = try pico.load(on: ReferenceBackend())
  }

  /// The greedy continuation, computed by a whole forward pass for each token.
  private func continuation(_ prompt: [Int], count: Int) throws -> [Int] {
    var ids = prompt
    for _ in 0..<count {
      let logits = try model.lastLogits(ids, state: model.makeState(capacity: ids.count))
      ids.append(logits.firstIndex(of: logits.max()!)!)
    }
    return Array(ids.dropFirst(prompt.count))
  }

  @Test("it stops after as many tokens as asked for, and shows each as it comes", arguments: [0, 1, 2, 7])
  func maximum(_ count: Int) throws {
    var generator = Generator(model, sampler: .greedy, endTokens: [])
    var received: [Int] = []
    let outcome = try generator.generate([1, 2, 3], maximum: count) { received.append($0) }
    #expect(outcome.tokens == (try continuation([1, 2, 3], count: count)))
    #expect(received == outcome.tokens)
    #expect(outcome.stop == .length)
  }

  @Test("it stops where the context ends", arguments: [1, 20, 23, 24])
  func contextEnd(_ promptLength: Int) throws {
    var generator = Generator(model, sampler: .greedy, endTokens: [])
    let outcome = try generator.generate(Array(repeating: 5, count: promptLength), maximum: 1000)
    #expect(outcome.tokens.count == Self.context - promptLength)
    #expect(outcome.stop == .length)
  }

  @Test("it stops at an end token, which is not among the tokens")
  func endToken() throws {
    let expected = try continuation([7, 8], count: 10)
    let end = try #require(expected.last { expected.firstIndex(of: $0)! > 0 })
    let place = expected.firstIndex(of: end)!
    let other = (0..<40).first { !expected.contains($0) }!
    var generator = Generator(model, sampler: .greedy, endTokens: [other, end])
    var received: [Int] = []
    let outcome = try generator.generate([7, 8], maximum: 20) { received.append($0) }
    #expect(outcome.tokens == Array(expected.prefix(place)))
    #expect(received == outcome.tokens)
    #expect(outcome.stop == .endToken)
  }

  @Test("end tokens are those of config.json unless given")
  func configuredEndTokens() throws {
    let first = try continuation([7, 8], count: 1)[0]
    for value in [JSONValue.integer(first), .array([.integer(38), .integer(first)])] {
      let model = try PicoModel(tied: false, fields: ["eos_token_id": value]).load(on: ReferenceBackend())
      var generator = Generator(model, sampler: .greedy)
      let outcome = try generator.generate([7, 8], maximum: 5)
      #expect(outcome.tokens == [])
      #expect(outcome.stop == .endToken)
    }
  }

  @Test("the same seed writes the same text")
  func seeds() throws {
    func write(_ seed: UInt64) throws -> [Int] {
      var generator = Generator(model, sampler: try Sampler(temperature: 2, seed: seed), endTokens: [])
      return try generator.generate([1], maximum: 20).tokens
    }
    #expect(try write(1) == write(1))
    #expect(try write(1) != write(2))
  }

  @Test(
    "a prompt that cannot be continued is an error of the argument",
    arguments: [
      ([], .emptyPrompt), (Array(repeating: 1, count: context + 1), .promptTooLong), ([1, 40], .tokenOutOfRange),
      ([-1], .tokenOutOfRange), ([.max], .tokenOutOfRange),
    ] as [([Int], Problem)])
  func badPrompt(_ prompt: [Int], _ problem: Problem) {
    var generator = Generator(model, sampler: .greedy)
    let error = expectProblem(problem) { try generator.generate(prompt, maximum: 5).tokens }
    #expect(error?.category == .argument)
  }
}
