import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats

/// The directory of a training: its state, and the curve of its loss as lines and as a drawing. Open, it is locked, so that
/// two processes do not train the same.
struct TrainingFiles {
  /// The curve of the loss, as lines and as a drawing.
  static let curveNames = ["loss.jsonl", "loss.svg"]

  private let log: Journal
  private let plotPath: String
  let checkpoint: TrainingCheckpoint

  /// Makes the directory if it is not there, and removes what killed processes have left in it.
  ///
  /// - Throws: `.outputBusy`, `.cannotWrite`.
  init(_ directory: String, settings: TrainingSettings, fingerprint: String) throws(HybridizeError) {
    try FileSystem.makeDirectory(directory)
    log = try Journal(FileSystem.join(directory, "loss.jsonl"))
    plotPath = FileSystem.join(directory, "loss.svg")
    checkpoint = TrainingCheckpoint(
      path: FileSystem.join(directory, "training.safetensors"), settings: settings, fingerprint: fingerprint)
    try AtomicFile.removeLeftovers(of: plotPath)
    try AtomicFile.removeLeftovers(of: checkpoint.path)
  }

  /// Makes the lines those of a state: what was appended after it was saved will come about again.
  ///
  /// - Throws: `.cannotWrite`.
  func begin(_ history: TrainingHistory) throws(HybridizeError) { try log.replace(with: history.lines) }

  /// - Throws: `.cannotWrite`.
  func append(_ line: JSONObject) throws(HybridizeError) { try log.append(line) }

  /// - Throws: `.cannotWrite`.
  func save(_ state: TrainingState) throws(HybridizeError) {
    try checkpoint.write(state)
    let curve = LossCurve(
      title: "\(checkpoint.settings.stage.rawValue): loss by step",
      training: state.history.steps.enumerated().map { (Double($0 + 1), $1.loss) },
      heldOut: state.history.evaluations.map { (Double($0.step), $0.loss) })
    try AtomicFile.write(curve.svg, to: plotPath)
  }
}
