import HybridizeCore

/// How often each sequence counts in a sum: once, or as often as a draw with replacement has it.
package struct Resample: Sendable {
  package let text: [Double]
  package let answers: [Double]

  /// Each once.
  package init(text: Int, answers: Int) {
    self.text = Array(repeating: 1, count: text)
    self.answers = Array(repeating: 1, count: answers)
  }

  package init(text: Int, answers: Int, drawnBy random: inout SeededGenerator) {
    self.text = Self.draw(text, &random)
    self.answers = Self.draw(answers, &random)
  }

  private static func draw(_ count: Int, _ random: inout SeededGenerator) -> [Double] {
    var counts = Array(repeating: 0.0, count: count)
    for _ in 0..<count { counts[random.index(below: count)] += 1 }
    return counts
  }
}

/// What a candidate is judged by: one number of its scores, the lower the better.
package struct Criterion: Sendable {
  /// What is averaged over rows.
  package enum Quantity: Sendable {
    case divergence
    /// Negative log likelihood.
    case loss
    case error
  }

  let quantity: Quantity
  let textWeight: Double
  let answerWeight: Double
  /// The mean divergence of the last steps of training instead.
  let isTrainingLoss: Bool

  package init(
    quantity: Quantity = .divergence, textWeight: Double = 1, answerWeight: Double = 0, isTrainingLoss: Bool = false
  ) {
    self.quantity = quantity
    self.textWeight = textWeight
    self.answerWeight = answerWeight
    self.isTrainingLoss = isTrainingLoss
  }

  package func value(_ scores: CandidateScores, _ sample: Resample) -> Double {
    if isTrainingLoss, let loss = scores.trainingLoss { return loss }
    var sum = 0.0
    if textWeight > 0 { sum += textWeight * mean(scores.text, sample.text) }
    if answerWeight > 0 { sum += answerWeight * mean(scores.answers, sample.answers) }
    return sum
  }

  /// Over all rows of all sequences.
  private func mean(_ sums: [JudgedSums], _ counts: [Double]) -> Double {
    var total = 0.0
    var rows = 0.0
    for (sum, count) in zip(sums, counts) {
      total += count * amount(sum)
      rows += count * Double(sum.rows)
    }
    return rows > 0 ? total / rows : 0
  }

  private func amount(_ sums: JudgedSums) -> Double {
    switch quantity {
    case .divergence: sums.divergence
    case .loss: sums.loss
    case .error: sums.error
    }
  }
}

/// Layers ranked by scores that come from sequences, and how sure the ranking is: the same is done with draws of the
/// sequences with replacement, the same for all layers, so that what they have in common cancels (a paired bootstrap).
package struct LayerRanking {
  package let scores: [Double]
  /// Indices of `scores`, the highest first, of equal ones the first.
  package let order: [Int]
  /// How often each is among the first.
  package let frequencies: [Double]
  /// How often the first are the same.
  package let confidence: Double

  /// - Parameters:
  ///   - count: how many are chosen.
  ///   - text: sequences of text.
  ///   - answers: prompts.
  ///   - score: the scores of all layers, the higher the more worth keeping.
  package init(
    _ count: Int, text: Int, answers: Int, resamples: Int, seed: UInt64, score: (Resample) -> [Double]
  ) {
    scores = score(Resample(text: text, answers: answers))
    order = Self.order(scores)
    let chosen = Set(order.prefix(count))
    var random = SeededGenerator(seed: seed, stream: "bootstrap")
    var counts = Array(repeating: 0, count: scores.count)
    var same = 0
    for _ in 0..<resamples {
      let first = Self.order(score(Resample(text: text, answers: answers, drawnBy: &random))).prefix(count)
      for index in first { counts[index] += 1 }
      if Set(first) == chosen { same += 1 }
    }
    frequencies = counts.map { Double($0) / Double(resamples) }
    confidence = Double(same) / Double(resamples)
  }

  /// Scores that are no numbers come last.
  package static func order(_ scores: [Double]) -> [Int] {
    func key(_ index: Int) -> Double { scores[index].isNaN ? -.infinity : scores[index] }
    return scores.indices.sorted { key($0) == key($1) ? $0 < $1 : key($0) > key($1) }
  }

  package func selection(_ count: Int, of layers: [Int], method: String, unit: String) -> Selection {
    var selection = Selection(
      method: method, unit: unit,
      layers: layers.indices.map {
        Selection.Layer(index: layers[$0], score: scores[$0], frequency: frequencies[$0])
      },
      ranking: order.map { layers[$0] }, keep: order.prefix(count).map { layers[$0] }.sorted())
    selection.confidence = confidence
    return selection
  }
}
