import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// The most likely tokens of a teacher at each place of a sequence, computed when they are asked for, or taken from a file
/// where an earlier training has left them.
final class TeacherPredictions {
  private let teacher: Model
  private let count: Int
  private let isolatesDocuments: Bool
  private let memory: PassMemory
  private let records: RecordFile?

  /// - Parameters:
  ///   - count: tokens at each place.
  ///   - length: tokens of every sequence that goes to and comes from the file.
  ///   - identity: of the teacher, 64 hexadecimal digits.
  /// - Throws: what `RecordFile` throws; `.badArgument` for more tokens than the vocabulary has.
  init(
    _ teacher: Model, count: Int, isolatesDocuments: Bool, memory: PassMemory, file: String?, length: Int,
    identity: String
  ) throws(HybridizeError) {
    let vocabulary = teacher.configuration.vocabularySize
    guard (1..<vocabulary).contains(count) else {
      throw HybridizeError(
        .badArgument, expected: "1 to \(vocabulary - 1) tokens of the teacher at each place", found: "\(count)")
    }
    self.teacher = teacher
    self.count = count
    self.isolatesDocuments = isolatesDocuments
    self.memory = memory
    records = try file.map { (path) throws(HybridizeError) in
      try RecordFile(path, identity: identity, recordBytes: length * count * 8)
    }
  }

  /// For every token of a batch, in order.
  func predictions(_ batch: TokenBatch) throws(HybridizeError) -> SparseDistributions {
    var ids: [Int32] = []
    var logs: [Float] = []
    for sequence in batch.sequences {
      let (sequenceIDs, sequenceLogs) = try recorded(sequence)
      ids += sequenceIDs
      logs += sequenceLogs
    }
    return SparseDistributions(count: count, ids: ids, logProbabilities: logs)
  }

  private func recorded(_ sequence: TokenSequence) throws(HybridizeError) -> ([Int32], [Float]) {
    guard let records else { return try compute(sequence) }
    let key = RecordFile.Key(digest(sequence))
    let numbers = sequence.ids.count * count
    if let record = try records.record(key) {
      return (
        (0..<numbers).map { record.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) },
        (0..<numbers).map { record.bytes.loadUnaligned(fromByteOffset: 4 * (numbers + $0), as: Float.self) }
      )
    }
    let (ids, logs) = try compute(sequence)
    let bytes = ids.withUnsafeBytes { Array($0) } + logs.withUnsafeBytes { Array($0) }
    try bytes.withBytes { (bytes) throws(HybridizeError) in try records.add(bytes, under: key) }
    return (ids, logs)
  }

  private func digest(_ sequence: TokenSequence) -> String {
    let starts = isolatesDocuments ? sequence.documentStarts : []
    return (sequence.ids.map { Int32($0) } + [-1] + starts.map { Int32($0) }).withUnsafeBytes { SHA256.hash($0) }
  }

  private func compute(_ sequence: TokenSequence) throws(HybridizeError) -> ([Int32], [Float]) {
    let layout = PassLayout(TokenBatch([sequence]), isolatesDocuments: isolatesDocuments)
    var ids: [Int32] = []
    var logs: [Float] = []
    try memory.workspace.scope { () throws(HybridizeError) in
      let hidden = teacher.hiddenWhole(layout.ids, memory.context(teacher, layout))
      let head = HeadLoss(model: teacher, workspace: memory.workspace)
      _ = try head.run(hidden, training: nil, into: nil) { rows, logits, losses in
        memory.backend.logSumExp(logits, into: losses)
        let totals = memory.backend.readFloats(losses)
        let values = memory.backend.readFloats(logits)
        for row in 0..<rows.count {
          let first = row * logits.columns
          for index in Self.largest(values[first..<first + logits.columns], count) {
            ids.append(Int32(index - first))
            logs.append(values[index] - totals[row])
          }
        }
        memory.backend.fill(losses, with: 0)
      }
    }
    return (ids, logs)
  }

  /// The places of the largest values, the largest first, of equal ones the first.
  static func largest(_ values: ArraySlice<Float>, _ count: Int) -> [Int] {
    var best: [Int] = []
    best.reserveCapacity(count + 1)
    for index in values.indices {
      if best.count == count, !(values[index] > values[best[count - 1]]) { continue }
      var place = best.count
      while place > 0, values[index] > values[best[place - 1]] { place -= 1 }
      best.insert(index, at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}

extension SparseDistributions {
  /// Of some rows.
  func rows(_ range: Range<Int>) -> SparseDistributions {
    let numbers = range.lowerBound * count..<range.upperBound * count
    return SparseDistributions(
      count: count, ids: Array(ids[numbers]), logProbabilities: Array(logProbabilities[numbers]))
  }
}
