import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport

/// A training of a toy, in a directory of its own.
final class TrainingRun {
  static let backends = ["reference", "cpu"]

  let scratch = TemporaryDirectory()
  let backend: any Backend
  var settings: TrainingSettings
  var heldOut = [ToyText.batch(1, 2, 3), ToyText.batch(0, 7)]
  var saving = Trainer.Saving.everySteps(1)
  var fingerprint = "teacher student texts"
  var parameters = Pull.parameters
  var progress = Progress.silent
  var clock: () -> Double = Trainer.monotonicClock()

  init(_ settings: TrainingSettings, on backend: String = "reference") throws(HybridizeError) {
    self.backend = try BackendRegistry.make(backend, threads: 2)
    self.settings = settings
  }

  /// What a run leaves: the objective as it is afterwards, and how it has gone.
  struct Result {
    let objective: Pull
    let outcome: TrainingOutcome

    /// All that must be the same however often a training was interrupted.
    var lines: [String] { outcome.lines.map { JSONWriter.compact(.object($0.withoutTime)) } }
  }

  /// - Parameter path: where the training lives, instead of its usual place.
  func run(
    _ source: ToyText = ToyText(), resuming: Bool = false, until pause: Int? = nil, at path: String? = nil
  ) throws(HybridizeError) -> Result {
    let objective = Pull(on: backend, parameters)
    let trainer = try Trainer(
      objective, settings: settings, source: source, heldOut: heldOut, in: path ?? directory, fingerprint: fingerprint,
      saving: saving, progress: progress, clock: clock)
    return Result(objective: objective, outcome: try trainer.run(resuming: resuming, until: pause))
  }

  /// The same training without an interruption.
  func uninterrupted() throws(HybridizeError) -> Result {
    let saving = saving
    defer { self.saving = saving }
    self.saving = .everySteps(.max)
    return try run(at: scratch.path("expected"))
  }

  var directory: String { scratch.path("training") }
  var checkpoint: String { "training/training.safetensors" }

  /// The lines of `loss.jsonl`.
  func log() throws -> [JSONObject] {
    try scratch.bytes("training/loss.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
      guard let object = try JSONCursor.parse(Array(line)).objectValue else { throw HybridizeError(.unreadable) }
      return object
    }
  }
}

extension JSONObject {
  var withoutTime: JSONObject {
    var copy = self
    copy["seconds"] = nil
    return copy
  }
}
