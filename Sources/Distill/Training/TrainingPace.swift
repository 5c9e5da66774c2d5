import HybridizeCore

/// How fast a run goes, and so when it will be done: measured over the run, looks and saves included.
struct TrainingPace {
  private let tokens: Int
  private let steps: Int
  private let seconds: Double

  /// - Parameters: where the run begins.
  init(tokens: Int = 0, steps: Int = 0, seconds: Double = 0) {
    self.tokens = tokens
    self.steps = steps
    self.seconds = seconds
  }

  /// `loss 0.1234  2.1k tokens/s  4:32 left`.
  func text(_ history: TrainingHistory, steps total: Int, seconds now: Double) -> String {
    let done = Double(history.steps.count - steps)
    let left = (now - seconds) / done * Double(total - history.steps.count)
    return [
      "loss \(NumberText.short(history.recentLoss ?? .nan))",
      "\(NumberText.rate(Double(history.tokens - tokens) / (now - seconds))) tokens/s",
      "\(NumberText.duration(left)) left",
    ].joined(separator: "  ")
  }
}
