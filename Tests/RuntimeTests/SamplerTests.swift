import Foundation
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("sampler")
struct SamplerTests {
  struct Setting: CustomTestStringConvertible, Sendable {
    var temperature = 1.0
    var topK = 0
    var topP = 1.0
    var minP = 0.0

    var testDescription: String { "temperature \(temperature), top-k \(topK), top-p \(topP), min-p \(minP)" }

    func sampler(seed: UInt64 = 1) throws -> Sampler {
      try Sampler(temperature: temperature, topK: topK, topP: topP, minP: minP, seed: seed)
    }

    /// The probabilities that the sampler's description promises, computed the slow way: filters one after the other,
    /// with the probabilities made to add up to one between them.
    func probabilities(_ logits: [Float]) -> [Double] {
      let largest = Double(logits.max()!)
      var p = normalised(logits.map { exp((Double($0) - largest) / temperature) })
      let order = p.indices.sorted { (p[$1], $0) < (p[$0], $1) }
      if topK > 0 {
        for token in order.dropFirst(topK) { p[token] = 0 }
        p = normalised(p)
      }
      if topP < 1 {
        var sum = 0.0
        for token in order {
          if sum >= topP { p[token] = 0 }
          sum += p[token]
        }
        p = normalised(p)
      }
      let floor = minP * p.max()!
      return normalised(p.map { $0 < floor ? 0 : $0 })
    }

    private func normalised(_ p: [Double]) -> [Double] {
      let sum = p.reduce(0, +)
      return p.map { $0 / sum }
    }
  }

  static let settings = [
    Setting(), Setting(temperature: 0.3), Setting(temperature: 3), Setting(topK: 5), Setting(topK: 1000),
    Setting(topP: 0.7), Setting(topP: 1e-9), Setting(minP: 0.2), Setting(minP: 1), Setting(topK: 12, topP: 0.6),
    Setting(topP: 0.6, minP: 0.4), Setting(topK: 8, topP: 0.9, minP: 0.1),
    Setting(temperature: 1.7, topK: 20, topP: 0.8, minP: 0.15),
  ]

  private func logits(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed, stream: "logits")
    return (0..<count).map { _ in Float(generator.uniform(-3, 3)) }
  }

  @Test("tokens come as often as their probabilities say", arguments: settings)
  func distribution(_ setting: Setting) throws {
    for seed in 0..<4 as Range<UInt64> {
      let logits = logits(30, seed: seed)
      let expected = setting.probabilities(logits)
      var sampler = try setting.sampler(seed: seed)
      let draws = 20_000
      var counts = [Int](repeating: 0, count: logits.count)
      for _ in 0..<draws { counts[try sampler.next(logits)] += 1 }
      for (count, p) in zip(counts, expected) where p == 0 {
        #expect(count == 0, "a token that a filter takes away")
      }
      // Rare tokens are counted together, as the bound holds for cells of some size only.
      var cells = [(count: 0, expected: 0.0)]
      for (count, p) in zip(counts, expected) {
        let expected = p * Double(draws)
        if expected >= 20 {
          cells.append((count, expected))
        } else {
          cells[0] = (cells[0].count + count, cells[0].expected + expected)
        }
      }
      cells.removeAll { $0.expected < 1 }
      let squares = cells.reduce(0) { $0 + pow(Double($1.count) - $1.expected, 2) / $1.expected }
      // Chi-square with k degrees of freedom: mean k, variance 2k.
      let freedom = Double(cells.count - 1)
      #expect(squares <= freedom + 4.5 * (2 * freedom).squareRoot() + 1e-9, "seed \(seed)")
    }
  }

  @Test("one candidate is drawn always", arguments: [Setting(topK: 1), Setting(topP: 1e-12), Setting(minP: 1)])
  func oneCandidate(_ setting: Setting) throws {
    for seed in 0..<20 as Range<UInt64> {
      let logits = logits(50, seed: seed)
      var sampler = try setting.sampler(seed: seed)
      #expect(try sampler.next(logits) == logits.firstIndex(of: logits.max()!))
    }
  }

  @Test("greedy takes the first of the largest, and the order of draws does not matter")
  func greedy() throws {
    var greedy = Sampler.greedy
    var cold = try Sampler(temperature: 0, topK: 3, topP: 0.5, seed: 9)
    for (logits, token) in [
      ([1, 3, 2, 3], 1), ([5], 0), ([-1, -1, -1], 0), ([0, -0.0], 0), ([-.infinity, 2, .infinity, .infinity], 2),
      ([-.infinity, -.infinity], 0), ([-.infinity, -3], 1),
    ] as [([Float], Int)] {
      #expect(try greedy.next(logits) == token)
      #expect(try cold.next(logits) == token)
    }
  }

  @Test("of equal tokens top-k keeps the first")
  func ties() throws {
    var sampler = try Sampler(temperature: 1, topK: 2, seed: 3)
    var seen: Set<Int> = []
    for _ in 0..<200 { seen.insert(try sampler.next([0, 1, 1, 1, 1])) }
    #expect(seen == [1, 2])
  }

  @Test("the same seed draws the same tokens, another one others")
  func seeds() throws {
    let logits = logits(200, seed: 5)
    func draw(_ seed: UInt64) throws -> [Int] {
      var sampler = try Sampler(temperature: 1, topP: 0.95, seed: seed)
      return try (0..<50).map { _ in try sampler.next(logits) }
    }
    #expect(try draw(1) == draw(1))
    #expect(try draw(1) != draw(2))
  }

  @Test("what is infinitely unlikely is never drawn, what is infinitely likely always")
  func infinities() throws {
    var sampler = try Sampler(temperature: 1, seed: 1)
    for _ in 0..<200 { #expect(try sampler.next([-.infinity, 0, -.infinity, 0]) % 2 == 1) }
    #expect(try sampler.next([0, .infinity, 0]) == 1)
    var cold = try Sampler(temperature: Double.leastNonzeroMagnitude, seed: 1)
    #expect(try cold.next([1, 2, 1.5]) == 1)
    var hot = try Sampler(temperature: Double.greatestFiniteMagnitude, seed: 1)
    var seen: Set<Int> = []
    for _ in 0..<200 { seen.insert(try hot.next([-3e38, 0, 3e38])) }
    #expect(seen == [0, 1, 2])
  }

  @Test("logits that are none or not numbers cannot be sampled", arguments: [[], [.nan], [1, .nan, 2]] as [[Float]])
  func badLogits(_ logits: [Float]) throws {
    for setting in [Setting(temperature: 0), Setting(), Setting(topK: 1)] {
      var sampler = try setting.sampler()
      #expect(expectProblem(.badLogits) { try sampler.next(logits) }?.category == .inputFile)
    }
  }

  @Test(
    "settings outside their range are an error of the arguments",
    arguments: [
      Setting(temperature: -1), Setting(temperature: .nan), Setting(temperature: .infinity), Setting(topK: -1),
      Setting(topP: 0), Setting(topP: 1.01), Setting(topP: .nan), Setting(minP: -0.1), Setting(minP: 1.1),
      Setting(minP: .nan),
    ])
  func badSetting(_ setting: Setting) {
    #expect(expectProblem(.badArgument) { try setting.sampler() }?.category == .argument)
  }
}
