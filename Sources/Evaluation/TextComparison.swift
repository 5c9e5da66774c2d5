import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How far a student is from its teacher on text.
public struct TextComparison: Sendable, Equatable {
  public let documents: Int
  public let tokens: Int
  /// KL(teacher || student) in nats, averaged over all positions.
  public let divergence: Double
  /// Share of positions where both have the same most likely token.
  public let topOneAgreement: Double
  /// Over predicted tokens, that is all but the first of each document.
  public let teacherPerplexity: Double
  public let studentPerplexity: Double
  /// Largest difference of two logits.
  public let largestLogitDifference: Double

  package init(
    documents: Int, tokens: Int, divergence: Double, topOneAgreement: Double, teacherPerplexity: Double,
    studentPerplexity: Double, largestLogitDifference: Double
  ) {
    self.documents = documents
    self.tokens = tokens
    self.divergence = divergence
    self.topOneAgreement = topOneAgreement
    self.teacherPerplexity = teacherPerplexity
    self.studentPerplexity = studentPerplexity
    self.largestLogitDifference = largestLogitDifference
  }

  /// Runs both models over the documents; both are on the same backend.
  ///
  /// - Throws: as `Model.forward`, and `.differentVocabularies`.
  public static func measure(
    teacher: Model, student: Model, documents: [[Int]], progress: Progress = .silent
  ) throws(HybridizeError) -> TextComparison {
    precondition(teacher.backend === student.backend, "teacher and student are on different backends")
    let sizes = (teacher.configuration.vocabularySize, student.configuration.vocabularySize)
    guard sizes.0 == sizes.1 else {
      throw HybridizeError(.differentVocabularies, expected: "\(sizes.0) tokens", found: "\(sizes.1)")
    }
    var sums = Sums()
    for (index, ids) in documents.enumerated() {
      try sums.add(ids, teacher: teacher, student: student)
      progress.report("compare", done: index + 1, of: documents.count)
    }
    return sums.result(documents: documents.count)
  }

  private struct Sums {
    var tokens = 0
    var predicted = 0
    var divergence = 0.0
    var agreements = 0
    var teacherLoss = 0.0
    var studentLoss = 0.0
    var largestDifference = 0.0

    /// Both models see the document in the same pieces, so that only a piece of logits exists at a time.
    mutating func add(_ ids: [Int], teacher: Model, student: Model) throws(HybridizeError) {
      let states = (teacher.makeState(capacity: ids.count), student.makeState(capacity: ids.count))
      var start = 0
      while start < ids.count {
        let end = min(start + Model.prefillBlock, ids.count)
        let piece = Array(ids[start..<end])
        let targets = Array(ids[start + 1..<min(end + 1, ids.count)])
        try teacher.forward(piece, state: states.0, rows: .all) { (expected) throws(HybridizeError) in
          try student.forward(piece, state: states.1, rows: .all) { (found) throws(HybridizeError) in
            score(expected, found, targets, teacher.backend)
          }
        }
        start = end
      }
    }

    /// - Parameter targets: the tokens that the first rows predict.
    private mutating func score(_ teacher: Tensor, _ student: Tensor, _ targets: [Int], _ backend: any Backend) {
      let perRow = backend.makeTensor(rows: teacher.rows, columns: 1)
      backend.divergence(teacher: teacher, student: student, into: perRow)
      divergence += backend.read(perRow).reduce(0, +)
      tokens += teacher.rows
      predicted += targets.count
      let expected = backend.readFloats(teacher)
      let found = backend.readFloats(student)
      let mostLikely = zip(expected.mostLikely(of: teacher.columns), found.mostLikely(of: teacher.columns))
      agreements += mostLikely.count { $0 == $1 }
      for (a, b) in zip(expected, found) { largestDifference = max(largestDifference, Double(abs(a - b))) }
      teacherLoss += loss(expected, teacher, targets, backend, perRow)
      studentLoss += loss(found, student, targets, backend, perRow)
    }

    /// Sum of the negative log likelihoods of the targets.
    private func loss(
      _ values: [Float], _ logits: Tensor, _ targets: [Int], _ backend: any Backend, _ scratch: Tensor
    ) -> Double {
      backend.logSumExp(logits, into: scratch)
      let normalisers = backend.read(scratch)
      return targets.enumerated().reduce(0) { sum, target in
        sum + normalisers[target.offset] - Double(values[target.offset * logits.columns + target.element])
      }
    }

    func result(documents: Int) -> TextComparison {
      TextComparison(
        documents: documents, tokens: tokens, divergence: divergence / Double(tokens),
        topOneAgreement: Double(agreements) / Double(tokens),
        teacherPerplexity: exp(teacherLoss / Double(max(predicted, 1))),
        studentPerplexity: exp(studentLoss / Double(max(predicted, 1))), largestLogitDifference: largestDifference)
    }
  }
}

extension TextComparison {
  /// As reports have it.
  package var json: JSONObject {
    [
      "kl": .double(divergence), "top1": .double(topOneAgreement), "ppl": .double(studentPerplexity),
      "ppl_source": .double(teacherPerplexity), "max_logit_difference": .double(largestLogitDifference),
      "documents": .integer(documents), "tokens": .integer(tokens),
    ]
  }
}

extension [Float] {
  /// The most likely token of each row of logits, the first of several.
  package func mostLikely(of vocabularySize: Int) -> [Int] {
    stride(from: 0, to: count, by: vocabularySize).map { row in
      var best = row
      for index in row..<row + vocabularySize where self[index] > self[best] { best = index }
      return best - row
    }
  }
}

extension Problem {
  public static let differentVocabularies = Problem(
    "differentVocabularies", .inputFile, "the two models have different vocabularies")
}
