import HybridizeCore
import HybridizeRuntime

/// What a student has kept of its teacher, as a training reports it: likelihood on text, and recall, which likelihood does
/// not show.
public struct TextEvaluation: Sendable, Equatable {
  /// Of student and teacher.
  public let comparison: TextComparison
  /// Of the student, in the order of the tasks.
  public let recall: [RecallResult]

  public init(comparison: TextComparison, recall: [RecallResult]) {
    self.comparison = comparison
    self.recall = recall
  }

  /// Runs both models over the documents and the student over the tasks.
  ///
  /// - Throws: as `TextComparison.measure` and `RecallTask.measure`.
  public static func measure(
    teacher: Model, student: Model, documents: [[Int]], recall tasks: [RecallTask], progress: Progress = .silent
  ) throws(HybridizeError) -> TextEvaluation {
    let comparison = try TextComparison.measure(
      teacher: teacher, student: student, documents: documents, progress: progress)
    var recall: [RecallResult] = []
    for task in tasks { recall.append(try task.measure(student, progress: progress)) }
    return TextEvaluation(comparison: comparison, recall: recall)
  }

  public var json: JSONObject {
    var object = comparison.json
    object["recall"] = .array(recall.map { .object($0.json) })
    return object
  }

  /// One line for people.
  public var text: String {
    let likelihood = [
      "KL \(NumberText.fixed(comparison.divergence, 4))",
      "perplexity \(NumberText.short(comparison.studentPerplexity)), "
        + "teacher \(NumberText.short(comparison.teacherPerplexity))",
      "top-1 \(NumberText.fixed(100 * comparison.topOneAgreement, 2)) %",
    ]
    let recalls = recall.map { "recall of \($0.pairs) \(NumberText.fixed($0.share, 3))" }
    return (likelihood + recalls).joined(separator: "; ")
  }
}
