import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// How much the all-linear student would have a layer's mixer change: the gradient of its divergence from the teacher by the
/// mixer's matrices, relative to their size, from one pass over the text. The norm is what federated learning chooses layers
/// by (arXiv 2408.15600); for this use it is a baseline.
public struct GradientNormSelector: Selector {
  public static let name = "gradient-norm"
  public static let summary = "the all-linear student's KL, once there and back: gradient by size of each mixer"

  public init() {}

  /// The way back and the teacher count as reading too.
  private static let readings = 4

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    SelectionCost(judgedTokens: Self.readings * (try run.judgedTokens(.text, candidates: 0)))
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let student = try TrainableModel(
      ModelDirectory(try run.studentPath(), catalog: run.request.catalog), training: .mixers(layers: run.layers),
      on: run.backend)
    var options = StageOptions()
    options.recomputesActivations = true
    let objective = try MatchObjective(teacher: try run.teacher, student: student, options: options)
    let texts = try run.text()
    let tokens = texts.tokenCount
    var done = 0
    for group in CandidateJudge.groups(texts) {
      let batch = TokenBatch(group.map { TokenSequence(ids: $0.ids) })
      _ = try objective.accumulate(batch, scale: 1 / Double(max(tokens, 1)))
      done += group.count
      run.progress.report(Self.name, done: done, of: texts.count)
    }
    run.readTokens += Self.readings * tokens
    let norms = run.layers.map { Self.norms(of: $0, student, objective) }
    var selection = Selection.highest(
      run.count, of: run.layers, scores: norms.map { $0.weights > 0 ? $0.gradient / $0.weights : 0 },
      method: Self.name, unit: "norm of the gradient of KL by the norm of the mixer's matrices, all layers linear")
    selection.details = [
      Selection.Detail(name: "gradient", unit: "nats", values: norms.map(\.gradient)),
      Selection.Detail(name: "matrices", unit: "norm", values: norms.map(\.weights)),
    ]
    return selection
  }

  /// Of the matrices of a layer's mixer, all together.
  private static func norms(
    of layer: Int, _ student: TrainableModel, _ objective: MatchObjective
  ) -> (gradient: Double, weights: Double) {
    let names = Set(student.directory.layout.layers[layer].mixer.map(\.name))
    var squares = (gradient: 0.0, weights: 0.0)
    for parameter in objective.parameters where parameter.group == .mixer && names.contains(parameter.name) {
      squares.gradient += objective.backend.sumOfSquares(parameter.gradient)
      squares.weights += objective.backend.sumOfSquares(parameter.values)
    }
    return (squares.gradient.squareRoot(), squares.weights.squareRoot())
  }
}
