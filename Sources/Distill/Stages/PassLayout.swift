import HybridizeCompute
import HybridizeRuntime

/// A batch as the layers see it: the tokens of its sequences one after the other.
struct PassLayout {
  let ids: [Int]
  let sequences: [SequenceRows]

  /// - Parameter isolatesDocuments: each document is a sequence of its own: no state and no attention reaches over from
  ///   the one before, and positions begin anew.
  init(_ batch: TokenBatch, isolatesDocuments: Bool) {
    ids = batch.sequences.flatMap(\.ids)
    var sequences: [SequenceRows] = []
    var first = 0
    for sequence in batch.sequences {
      let inner = isolatesDocuments ? sequence.documentStarts.filter { $0 > 0 } : []
      for (start, end) in zip([0] + inner, inner + [sequence.ids.count]) where end > start {
        sequences.append(SequenceRows(rows: first + start..<first + end, position: 0))
      }
      first += sequence.ids.count
    }
    self.sequences = sequences
  }

  /// The token that follows each token in its sequence.
  var targets: [Int?] {
    var targets: [Int?] = ids.dropFirst().map { $0 } + [nil]
    for sequence in sequences { targets[sequence.rows.upperBound - 1] = nil }
    return targets
  }
}

/// Memory that the passes of a stage share.
final class PassMemory {
  let backend: any Backend
  let workspace: Workspace
  private let angleMemory: Workspace
  private var angles: (sequences: [SequenceRows], angles: RotaryAngles)?

  init(_ backend: any Backend) {
    self.backend = backend
    workspace = Workspace(backend)
    angleMemory = Workspace(backend)
  }

  /// What a pass of a model over a batch lends its layers.
  func context(_ model: Model, _ layout: PassLayout) -> MixingContext {
    if angles?.sequences != layout.sequences {
      angleMemory.scope {
        let made = model.configuration.rotary.angles(layout.sequences, backend: backend, workspace: angleMemory)
        angles = (layout.sequences, made)
      }
    }
    guard let angles else { preconditionFailure("made above") }
    return model.passContext(layout.sequences, angles: angles.angles, workspace: workspace)
  }
}
