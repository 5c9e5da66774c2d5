import HybridizeCore
import HybridizeEvaluation

/// FlashMorph (arXiv 2606.30562): a gate between attention and linear attention in every layer of the teacher, all open at
/// first; both mixers are frozen and the gates alone are learnt, so that the error at the answers of prompts that ask for
/// recall and the price of open gates are least together. The gates that stay open are the layers to keep.
///
/// The error is divided by that of all gates shut, and the price is the mean of the gates times `price`: the published
/// 0.1 for each gate goes with an error in units of hidden states, while with this division a price of 1 makes all open
/// and all shut cost the same, whatever the depth and the model.
public struct GateSelector: Selector {
  public static let name = "flashmorph"
  public static let summary = "learn a gate between softmax and linear in every layer, at the answers of recall prompts"

  var price = 1.0
  var steps = 60
  var promptsAStep = 4
  /// Of the first step; it falls to zero along a line.
  var rate = 0.05

  public init() {}

  /// Of a step: there, there again for what the way back needs, and back.
  private static let readingsAStep = 4

  /// Readings of a step's prompts, all in all: the teacher, all gates shut, the slopes at the end, and the steps.
  private func readings(_ batches: Int) -> Int { 2 * batches + Self.readingsAStep * (batches + steps) }

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    let prompts = try run.answers()
    let batches = (prompts.count + promptsAStep - 1) / promptsAStep
    return SelectionCost(judgedTokens: prompts.tokenCount * readings(batches) / max(batches, 1))
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let prompts = try run.answers()
    let mixture = GatedMixture(teacher: try run.teacher, student: try run.student, layers: run.layers)
    var batches: [GatedMixture.Batch] = []
    for first in stride(from: 0, to: prompts.count, by: promptsAStep) {
      batches.append(try mixture.prepare(Array(prompts[first..<min(prompts.count, first + promptsAStep)])))
    }
    let learnt = learn(mixture, batches, run)
    run.readTokens += prompts.tokenCount * readings(batches.count) / max(batches.count, 1)
    // At the bottom, where gates look alike, the slope tells them apart: what the error gains by opening one.
    let scores = zip(learnt.gates, learnt.slopes).map { gate, slope in gate > 0 ? gate : 0 - max(0, slope) }
    var selection = Selection.highest(
      run.count, of: run.layers, scores: scores, method: Self.name,
      unit: "gate after \(steps) steps; where it is shut, minus what opening it costs")
    selection.details = [
      Selection.Detail(name: "gate", unit: "share of softmax", values: learnt.gates),
      Selection.Detail(name: "slope", unit: "loss by gate", values: learnt.slopes),
    ]
    selection.notes = [
      "all gates shut: \(NumberText.short(learnt.unit)) of the teacher's hidden states is wrong at answers; gates as learnt: "
        + NumberText.short(learnt.error)
    ]
    return selection
  }

  private struct Learnt {
    let gates: [Double]
    /// Of what is made least, at the end, over all prompts.
    let slopes: [Double]
    /// The error with all gates shut, and at the end.
    let unit: Double
    let error: Double
  }

  private func learn(_ mixture: GatedMixture, _ batches: [GatedMixture.Batch], _ run: SelectionRun) -> Learnt {
    let count = run.layers.count
    let shut = batches.map { mixture.error(Array(repeating: 0, count: count), $0) }.mean
    let unit = shut > 0 ? shut : 1
    func slopes(_ gradient: [Double]) -> [Double] { gradient.map { $0 / unit + price / Double(count) } }

    var descent = GateDescent(count: count)
    var random = SeededGenerator(seed: run.request.seed, stream: "prompts of gates")
    var order: [Int] = []
    for step in 0..<steps {
      run.progress.report(Self.name, done: step, of: steps)
      if order.isEmpty { order = random.sample(batches.count, of: Array(batches.indices)) }
      let batch = batches[order.removeLast()]
      let found = mixture.gradient(descent.gates, batch)
      descent.step(slopes(found.gradient), rate: rate * (1 - Double(step) / Double(steps)))
    }
    run.progress.report(Self.name, done: steps, of: steps)
    let found = batches.map { mixture.gradient(descent.gates, $0) }
    let mean = (0..<count).map { index in found.map { $0.gradient[index] }.mean }
    return Learnt(
      gates: descent.gates, slopes: slopes(mean), unit: shut, error: found.map(\.error).mean)
  }
}
