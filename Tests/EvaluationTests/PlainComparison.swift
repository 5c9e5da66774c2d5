import Foundation
import HybridizeRuntime

/// Divergence, agreement and perplexities the long way, in float64, to judge `TextComparison` by.
struct PlainComparison {
  private(set) var rows = 0
  private(set) var divergence = 0.0
  private(set) var agreements = 0
  private(set) var largestDifference = 0.0
  private var predicted = 0
  private var losses = (teacher: 0.0, student: 0.0)

  var meanDivergence: Double { divergence / Double(rows) }
  var agreement: Double { Double(agreements) / Double(rows) }
  var teacherPerplexity: Double { exp(losses.teacher / Double(predicted)) }
  var studentPerplexity: Double { exp(losses.student / Double(predicted)) }

  /// - Parameters:
  ///   - ids: a document.
  ///   - teacher: logits `[ids.count, vocabulary]`, row by row, and the student's alike.
  mutating func add(_ ids: [Int], teacher: [Double], student: [Double]) {
    let width = teacher.count / ids.count
    for row in ids.indices {
      let expected = Self.logProbabilities(teacher[row * width..<(row + 1) * width])
      let found = Self.logProbabilities(student[row * width..<(row + 1) * width])
      divergence += zip(expected, found).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
      if expected.firstIndex(of: expected.max()!) == found.firstIndex(of: found.max()!) { agreements += 1 }
      rows += 1
      if row + 1 < ids.count {
        losses.teacher -= expected[ids[row + 1]]
        losses.student -= found[ids[row + 1]]
        predicted += 1
      }
    }
    largestDifference = zip(teacher, student).reduce(largestDifference) { max($0, abs($1.0 - $1.1)) }
  }

  private static func logProbabilities(_ logits: ArraySlice<Double>) -> [Double] {
    let largest = logits.max()!
    let normaliser = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
    return logits.map { $0 - normaliser }
  }
}

extension Model {
  /// Logits of every token of a document, row by row.
  func allLogits(_ ids: [Int]) throws -> [Double] {
    var logits: [Double] = []
    try forward(ids, state: makeState(capacity: ids.count), rows: .all) { logits += backend.read($0) }
    return logits
  }
}
