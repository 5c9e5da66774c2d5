import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Draws the next token from logits: the most likely one, or at random among those that the filters leave.
///
/// Filters apply in the order top-k, top-p, min-p on the distribution at the given temperature; every filter leaves
/// at least the most likely token. The same seed draws the same tokens.
public struct Sampler: Sendable {
  public let temperature: Double
  public let topK: Int
  public let topP: Double
  public let minP: Double
  private var generator: SeededGenerator

  /// Always the most likely token; the first of several.
  public static var greedy: Sampler {
    Sampler(checked: 0, topK: 0, topP: 1, minP: 0, seed: 0)
  }

  /// - Parameters:
  ///   - temperature: logits are divided by it; 0 is greedy.
  ///   - topK: tokens to choose from, 0 for all.
  ///   - topP: choose from the most likely tokens that together reach this probability.
  ///   - minP: choose from tokens whose probability is at least this share of the largest.
  /// - Throws: `.badArgument`.
  public init(
    temperature: Double, topK: Int = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0
  ) throws(HybridizeError) {
    guard temperature >= 0, temperature.isFinite else {
      throw HybridizeError(.badArgument, expected: "temperature: 0 or more", found: "\(temperature)")
    }
    guard topK >= 0 else { throw HybridizeError(.badArgument, expected: "top-k: 0 or more", found: "\(topK)") }
    guard topP > 0, topP <= 1 else {
      throw HybridizeError(.badArgument, expected: "top-p: above 0, at most 1", found: "\(topP)")
    }
    guard (0...1).contains(minP) else {
      throw HybridizeError(.badArgument, expected: "min-p: from 0 to 1", found: "\(minP)")
    }
    self.init(checked: temperature, topK: topK, topP: topP, minP: minP, seed: seed)
  }

  private init(checked temperature: Double, topK: Int, topP: Double, minP: Double, seed: UInt64) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    generator = SeededGenerator(seed: seed, stream: "sampler")
  }

  /// The next token for the logits of a vocabulary.
  ///
  /// - Throws: `.badLogits` if there are none or one is not a number.
  public mutating func next(_ logits: [Float]) throws(HybridizeError) -> Int {
    guard let first = logits.first, !logits.contains(where: \.isNaN) else {
      throw HybridizeError(
        .badLogits, expected: "numbers", found: logits.isEmpty ? "no logits" : "not a number",
        remedy: "the weights may be damaged")
    }
    var largest = (token: 0, logit: first)
    for (token, logit) in logits.enumerated() where logit > largest.logit { largest = (token, logit) }
    if temperature == 0 || topK == 1 || !largest.logit.isFinite { return largest.token }
    let candidates = filter(weights(logits, largest.logit))
    var remaining = generator.unit() * candidates.reduce(0) { $0 + $1.weight }
    for candidate in candidates {
      remaining -= candidate.weight
      if remaining < 0 { return candidate.token }
    }
    return candidates.last?.token ?? largest.token
  }

  private typealias Candidate = (token: Int, weight: Double)

  /// Probabilities up to a common factor; the most likely token has 1. What is too unlikely ever to be drawn is left
  /// out, which spares sorting most of a vocabulary.
  private func weights(_ logits: [Float], _ largest: Float) -> [Candidate] {
    logits.enumerated().compactMap { token, logit in
      let weight = exp((Double(logit) - Double(largest)) / temperature)
      return weight > 1e-20 ? (token, weight) : nil
    }
  }

  private func filter(_ all: [Candidate]) -> [Candidate] {
    var candidates = all
    if topK > 0 || topP < 1 { candidates.sort { ($0.weight, $1.token) > ($1.weight, $0.token) } }
    if topK > 0 { candidates = Array(candidates.prefix(topK)) }
    if topP < 1 { candidates = mostLikely(candidates) }
    return candidates.filter { $0.weight >= minP }
  }

  /// The first of sorted candidates that together reach `topP`.
  private func mostLikely(_ sorted: [Candidate]) -> [Candidate] {
    let limit = topP * sorted.reduce(0) { $0 + $1.weight }
    var sum = 0.0
    let last = sorted.firstIndex { candidate in
      sum += candidate.weight
      return sum >= limit
    }
    return last.map { Array(sorted[...$0]) } ?? sorted
  }
}

extension Problem {
  public static let badLogits = Problem("badLogits", .inputFile, "the model's logits cannot be sampled")
}
