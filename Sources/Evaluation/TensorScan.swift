import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// What the data of a checkpoint holds, beyond its headers: values and digests, tensor by tensor.
public struct TensorScan: Sendable {
  public struct Parts: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Statistics of the values.
    public static let statistics = Parts(rawValue: 1)
    /// SHA-256 of the bytes.
    public static let digests = Parts(rawValue: 2)
  }

  public struct Entry: Sendable {
    public let tensor: TensorDescriptor
    /// `nil` if not asked for, and for types whose values are not read.
    public let statistics: ValueStatistics?
    /// 64 lower-case hexadecimal digits; `nil` if not asked for.
    public let sha256: String?
  }

  /// In the order of the checkpoint.
  public let entries: [Entry]

  /// Bytes that are read at a time.
  private static let pieceBytes = 4 << 20

  /// Reads all of every tensor once, on all threads, in pieces.
  ///
  /// - Throws: reading errors, `.badArgument` for a number of threads that cannot be had.
  public init(
    _ reader: any TensorReader, _ parts: Parts, threads: Int, progress: Progress = .silent
  ) throws(HybridizeError) {
    let pool = try ThreadPool(threads: threads)
    var entries: [Entry] = []
    // A group at a time, so that progress can be told and an error stops the work.
    let groupSize = 4 * threads
    for start in stride(from: 0, to: reader.tensors.count, by: groupSize) {
      let group = Array(reader.tensors[start..<min(start + groupSize, reader.tensors.count)])
      for result in pool.map(group.count, { item in Self.scan(group[item], reader, parts) }) {
        entries.append(try result.get())
      }
      progress.report("scan", done: entries.count, of: reader.tensors.count)
    }
    self.entries = entries
  }

  private static func scan(
    _ tensor: TensorDescriptor, _ reader: any TensorReader, _ parts: Parts
  ) -> Result<Entry, HybridizeError> {
    Result { () throws(HybridizeError) in
      var statistics = parts.contains(.statistics) ? try? ValueStatistics(tensor.elementType) : nil
      let digest = parts.contains(.digests) ? SHA256() : nil
      // Whole elements: every type of whole bytes has a size that divides this.
      let piece = OwnedBytes(count: min(tensor.byteCount, pieceBytes))
      for offset in stride(from: 0, to: tensor.byteCount, by: pieceBytes) {
        let range = offset..<min(offset + pieceBytes, tensor.byteCount)
        let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(range.count))
        try reader.read(tensor.name, range: range, into: part)
        statistics?.add(UnsafeRawBufferPointer(part))
        digest?.update(UnsafeRawBufferPointer(part))
      }
      return Entry(tensor: tensor, statistics: statistics, sha256: digest?.finish())
    }
  }

  /// What is wrong with the values, in words; empty if nothing is.
  public var failures: [String] {
    entries.flatMap { entry -> [String] in
      guard let statistics = entry.statistics else { return [] }
      var failures: [String] = []
      let name = ErrorText.escape(entry.tensor.name)
      if statistics.notNumbers > 0 {
        failures.append("\(name): \(statistics.notNumbers) of \(statistics.count) values are not numbers")
      }
      if statistics.infinities > 0 {
        failures.append("\(name): \(statistics.infinities) of \(statistics.count) values are infinite")
      }
      if entry.tensor.elementType == .bool, statistics.greatest ?? 0 > 1 {
        failures.append("\(name): a boolean is neither 0 nor 1")
      }
      return failures
    }
  }
}
