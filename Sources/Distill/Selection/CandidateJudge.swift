import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// Lets candidates read sequences and compares what they predict with what the teacher predicts.
///
/// Candidates that differ from a base in one layer share all that lies before it, so that replacing each layer in turn costs
/// half of what as many whole models would.
package final class CandidateJudge {
  private let teacher: Model
  /// Brings the linear mixers; all else is the teacher's.
  private let student: Model
  private let backend: any Backend
  private let memory: PassMemory
  /// Tokens that went through a model, of each candidate by itself.
  package private(set) var tokens = 0

  private static let tokensTogether = 1024

  /// - Precondition: both are on one backend and have as many layers.
  package init(teacher: Model, student: Model) {
    precondition(teacher.backend === student.backend, "teacher and student are on different backends")
    precondition(teacher.blocks.count == student.blocks.count, "teacher and student have different layers")
    self.teacher = teacher
    self.student = student
    backend = teacher.backend
    memory = PassMemory(backend)
  }

  /// What is judged: candidates of the teacher's and the student's mixers, or a model of its own.
  private enum Subject {
    case composition(Composition)
    case model(Model)
  }

  /// The sums of every candidate for every sequence.
  ///
  /// - Parameters:
  ///   - base: what candidates differ little from.
  ///   - countsHits: whether most likely tokens are looked for, which takes a while for all tokens of a text.
  /// - Throws: `.tokenOutOfRange`.
  package func judge(
    _ candidates: [Composition], near base: Composition, on sequences: [JudgedSequence], countsHits: Bool,
    progress: (_ sequences: Int) -> Void = { _ in }
  ) throws(HybridizeError) -> [[JudgedSums]] {
    try judge(
      candidates.map { .composition($0) }, near: base, on: sequences, countsHits: countsHits, progress: progress)
  }

  /// The sums of another model of the same vocabulary for every sequence.
  ///
  /// - Throws: `.tokenOutOfRange`.
  package func judge(
    _ model: Model, on sequences: [JudgedSequence], countsHits: Bool
  ) throws(HybridizeError) -> [JudgedSums] {
    precondition(model.backend === backend, "models on different backends")
    let base = Composition(.softmax, layers: teacher.blocks.count)
    return try judge([.model(model)], near: base, on: sequences, countsHits: countsHits) { _ in }[0]
  }

  private func judge(
    _ subjects: [Subject], near base: Composition, on sequences: [JudgedSequence], countsHits: Bool,
    progress: (_ sequences: Int) -> Void
  ) throws(HybridizeError) -> [[JudgedSums]] {
    try sequences.check(vocabulary: teacher.configuration.vocabularySize)
    guard !subjects.isEmpty else { return [] }
    var results = subjects.map { _ in [JudgedSums]() }
    for group in Self.groups(sequences) {
      let found = memory.workspace.scope { judge(subjects, base, group, countsHits: countsHits) }
      for (index, sums) in found.enumerated() { results[index] += sums }
      progress(results.first?.count ?? 0)
    }
    return results
  }

  /// Consecutive sequences that go together, at least one at a time.
  static func groups(_ sequences: [JudgedSequence]) -> [[JudgedSequence]] {
    var groups: [[JudgedSequence]] = []
    var tokens = 0
    for sequence in sequences {
      if groups.isEmpty || tokens + sequence.ids.count > tokensTogether {
        groups.append([])
        tokens = 0
      }
      groups[groups.count - 1].append(sequence)
      tokens += sequence.ids.count
    }
    return groups
  }

  // MARK: The way through the layers

  private func judge(
    _ subjects: [Subject], _ base: Composition, _ group: [JudgedSequence], countsHits: Bool
  ) -> [[JudgedSums]] {
    let workspace = memory.workspace
    let batch = JudgedBatch(group)
    let (layout, rows) = (batch.layout, batch.rows)
    let context = memory.context(teacher, layout)
    func room() -> Tensor { workspace.tensor(rows: rows.count, columns: teacher.configuration.hiddenSize) }

    let expected = room()
    let found = subjects.map { _ in room() }
    workspace.scope {
      // The residual stream of the base before every layer.
      let x = teacher.embedded(layout.ids, context)
      var streams: [Tensor] = []
      for layer in teacher.blocks.indices {
        let copy = workspace.tensor(like: x)
        backend.copy(x, to: copy)
        streams.append(copy)
        apply(layer, base.mixers[layer], x, context)
      }
      let last = workspace.tensor(like: x)
      backend.copy(x, to: last)
      func run(_ composition: Composition, into out: Tensor) {
        let first = composition.firstDifference(from: base)
        backend.copy(first.map { streams[$0] } ?? last, to: x)
        for layer in (first ?? teacher.blocks.count)..<teacher.blocks.count {
          apply(layer, composition.mixers[layer], x, context)
        }
        pick(rows, of: teacher, x, context, into: out)
      }
      run(Composition(.softmax, layers: teacher.blocks.count), into: expected)
      for (subject, out) in zip(subjects, found) {
        switch subject {
        case .composition(let composition): run(composition, into: out)
        case .model(let model):
          workspace.scope {
            let own = memory.context(model, layout)
            backend.copyRows(rows, of: model.hiddenWhole(layout.ids, own), to: out)
          }
        }
      }
    }
    tokens += (subjects.count + 1) * layout.ids.count
    return compare(subjects, expected, found, group, countsHits: countsHits)
  }

  private func apply(_ layer: Int, _ mixer: LayerMixer, _ x: Tensor, _ context: MixingContext) {
    let block = teacher.blocks[layer]
    switch mixer {
    case .softmax: block.applyWhole(x, context)
    case .linear:
      let mixer = student.blocks[layer].mixer
      block.apply(x, context) { input, output in mixer.mixWhole(input, context: context, into: output) }
    case .none: block.apply(x, context) { _, output in backend.fill(output, with: 0) }
    }
  }

  private func pick(_ rows: [Int], of model: Model, _ x: Tensor, _ context: MixingContext, into out: Tensor) {
    memory.workspace.scope { backend.copyRows(rows, of: model.headInput(x, context), to: out) }
  }

  // MARK: The head

  /// The teacher's logits of some rows are made once for all candidates.
  private func compare(
    _ subjects: [Subject], _ expected: Tensor, _ found: [Tensor], _ group: [JudgedSequence], countsHits: Bool
  ) -> [[JudgedSums]] {
    let targets = group.flatMap(\.targets)
    var tallies = subjects.map { _ in RowTally() }
    for rows in HeadLoss.chunks(of: teacher, rows: targets.count) {
      memory.workspace.scope {
        let wanted = logits(teacher, expected.rows(rows))
        let perRow = memory.workspace.tensor(rows: rows.count, columns: 1)
        for (index, subject) in subjects.enumerated() {
          memory.workspace.scope {
            let model = if case .model(let model) = subject { model } else { teacher }
            let given = logits(model, found[index].rows(rows))
            backend.divergence(teacher: wanted, student: given, into: perRow)
            tallies[index].divergences += backend.read(perRow)
            if countsHits {
              let best = backend.readFloats(given).mostLikely(of: given.columns)
              tallies[index].hits += zip(best, targets[rows]).map { $0 == $1 }
            }
            backend.crossEntropyGradient(targets: Array(targets[rows]), inPlace: given, scale: 1, into: perRow)
            tallies[index].losses += backend.read(perRow)
            backend.distanceGradient(
              teacher: expected.rows(rows), inPlace: found[index].rows(rows), squared: true, scale: 1, into: perRow)
            tallies[index].errors += backend.read(perRow)
          }
        }
      }
    }
    return tallies.map { $0.sums(group) }
  }

  private func logits(_ model: Model, _ hidden: Tensor) -> Tensor {
    let logits = memory.workspace.tensor(rows: hidden.rows, columns: model.configuration.vocabularySize)
    model.logits(ofHidden: hidden, into: logits)
    return logits
  }
}

/// What a candidate does at each judged row of some sequences.
private struct RowTally {
  var divergences: [Double] = []
  var losses: [Double] = []
  var errors: [Double] = []
  /// Empty if nobody asks.
  var hits: [Bool] = []

  func sums(_ group: [JudgedSequence]) -> [JudgedSums] {
    var first = 0
    return group.map { sequence in
      let rows = first..<first + sequence.rows.count
      first = rows.upperBound
      var sums = JudgedSums()
      sums.divergence = divergences[rows].reduce(0, +)
      sums.loss = losses[rows].reduce(0, +)
      sums.error = errors[rows].reduce(0, +)
      sums.rows = rows.count
      sums.trials = sequence.trials.count
      if !hits.isEmpty {
        sums.hits = sequence.trials.count { trial in
          trial.allSatisfy { hits[rows.lowerBound + $0] }
        }
      }
      return sums
    }
  }
}
