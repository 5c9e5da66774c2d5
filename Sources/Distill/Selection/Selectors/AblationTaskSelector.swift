import HybridizeCore
import HybridizeEvaluation

/// Ablation judged by a task, as the paper's baselines have it (its code's `evaluate_layer_importance`): the share of answers
/// that are lost where a layer's attention is switched off. There the model writes its answers; here each token of an answer
/// is to be the most likely one, given those before it, which for greedy writing is the same.
public struct AblationTaskSelector<Task: AblationTask>: Selector {
  public static var name: String { "zero-\(Task.name)" }
  public static var summary: String { "one layer's attention switched off: answers lost of the task \(Task.name)" }

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    let tokens = try prompts(run).reduce(0) { $0 + $1.ids.count }
    return SelectionCost(judgedTokens: (run.layers.count + 2) * tokens)
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let prompts = try prompts(run)
    let candidates = [run.original] + run.layers.map { run.original.with(.none, at: $0) }
    let sums = try run.judge().judge(candidates, near: run.original, on: prompts, countsHits: true) { done in
      run.progress.report(Self.name, done: done, of: prompts.count)
    }
    let ranking = LayerRanking(
      run.count, text: 0, answers: prompts.count, resamples: run.request.resamples, seed: run.request.seed
    ) { sample in
      let shares = sums.map { HitShare.of($0, sample.answers) }
      return shares.dropFirst().map { shares[0] - $0 }
    }
    var selection = ranking.selection(
      run.count, of: run.layers, method: Self.name,
      unit: "share of answers lost where the layer's attention is switched off")
    let share = HitShare.of(sums[0], Resample(text: 0, answers: prompts.count).answers)
    selection.notes = ["the original answers \(NumberText.fixed(100 * share, 1)) % of \(Task.name)"]
    return selection
  }

  private func prompts(_ run: SelectionRun) throws(HybridizeError) -> [JudgedSequence] {
    let tasks = try TaskRequest([Task.name]).tasks(
      prompts: run.request.prompts, words: run.wordList(), seed: run.request.seed, tokenizer: run.directory.tokenizer())
    return tasks.flatMap(\.prompts).map { JudgedSequence(prompt: $0) }
  }
}

/// A task of `TaskRegistry`, as a type.
public protocol AblationTask: Sendable {
  static var name: String { get }
}

/// Numbers from a phone book.
public enum RecallAblation: AblationTask { public static let name = "recall" }
/// Digits that stand beside keys.
public enum AssociativeRecallAblation: AblationTask { public static let name = "ar" }
/// Keys that point to other keys.
public enum MultiHopAblation: AblationTask { public static let name = "multi-hop" }
/// Variables that have a value through others.
public enum VariableTrackingAblation: AblationTask { public static let name = "variable-tracking" }
/// Words that occur more often than others.
public enum CommonWordsAblation: AblationTask { public static let name = "cwe" }
/// The most frequent words of a text.
public enum FrequentWordsAblation: AblationTask { public static let name = "fwe" }

/// The share of trials that are hits.
enum HitShare {
  static func of(_ sums: [JudgedSums], _ counts: [Double]) -> Double {
    var hits = 0.0
    var trials = 0.0
    for (sum, count) in zip(sums, counts) {
      hits += count * Double(sum.hits)
      trials += count * Double(sum.trials)
    }
    return trials > 0 ? hits / trials : 0
  }
}
