import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// What two checkpoints do not have in common: tensors added, removed and changed, and by how much.
public struct CheckpointDifference: Sendable {
  public struct Change: Sendable {
    public let before: TensorDescriptor
    public let after: TensorDescriptor
    /// `nil` where shapes differ or values of the types are not read.
    public let values: ValueDifference?

    public var sameValues: Bool { values.map { $0.differing == 0 } ?? false }
  }

  public let added: [TensorDescriptor]
  public let removed: [TensorDescriptor]
  /// Tensors with another type, shape or value, in the order of the first checkpoint.
  public let changed: [Change]
  /// Tensors that are bit-equal, type and shape included.
  public let equal: Int

  public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }

  private static let pieceElements = 1 << 20

  /// Reads all tensors that both have, on all threads, in pieces.
  ///
  /// - Throws: reading errors, `.badArgument` for a number of threads that cannot be had.
  public init(
    _ first: any TensorReader, _ second: any TensorReader, threads: Int, progress: Progress = .silent
  ) throws(HybridizeError) {
    added = second.tensors.filter { first.descriptor(named: $0.name) == nil }
    removed = first.tensors.filter { second.descriptor(named: $0.name) == nil }
    let pairs = first.tensors.compactMap { before in
      second.descriptor(named: before.name).map { (before: before, after: $0) }
    }
    let pool = try ThreadPool(threads: threads)
    var changed: [Change] = []
    let groupSize = 4 * threads
    for start in stride(from: 0, to: pairs.count, by: groupSize) {
      let group = Array(pairs[start..<min(start + groupSize, pairs.count)])
      let results = pool.map(group.count) { item in
        Self.compare(group[item].before, group[item].after, first, second)
      }
      for result in results { if let change = try result.get() { changed.append(change) } }
      progress.report("compare", done: min(start + groupSize, pairs.count), of: pairs.count)
    }
    self.changed = changed
    equal = pairs.count - changed.count
  }

  /// `nil` if the two are equal.
  private static func compare(
    _ before: TensorDescriptor, _ after: TensorDescriptor, _ first: any TensorReader, _ second: any TensorReader
  ) -> Result<Change?, HybridizeError> {
    Result { () throws(HybridizeError) in
      guard before.shape == after.shape,
        var values = try? ValueDifference(before.elementType, after.elementType)
      else {
        // Types whose values are not read can still have the same bytes.
        let isEqual =
          before.elementType == after.elementType && before.shape == after.shape
          ? try first.tensor(named: before.name).hasSameContent(as: second.tensor(named: after.name)) : false
        return isEqual ? nil : Change(before: before, after: after, values: nil)
      }
      var sameBytes = before.elementType == after.elementType
      let count = before.byteCount * 8 / before.elementType.bitsPerElement
      for start in stride(from: 0, to: count, by: pieceElements) {
        let range = start..<min(start + pieceElements, count)
        let (a, b) = (try read(before, range, first), try read(after, range, second))
        let (left, right) = (UnsafeRawBufferPointer(a.bytes), UnsafeRawBufferPointer(b.bytes))
        sameBytes = sameBytes && left.elementsEqual(right)
        values.add(left, right)
      }
      return sameBytes ? nil : Change(before: before, after: after, values: values)
    }
  }

  private static func read(
    _ tensor: TensorDescriptor, _ elements: Range<Int>, _ reader: any TensorReader
  ) throws(HybridizeError) -> OwnedBytes {
    let bits = tensor.elementType.bitsPerElement
    let range = elements.lowerBound * bits / 8..<elements.upperBound * bits / 8
    let bytes = OwnedBytes(count: range.count)
    try reader.read(tensor.name, range: range, into: bytes.bytes)
    return bytes
  }
}

/// A difference as JSON and as text.
extension CheckpointDifference {
  public var json: JSONObject {
    [
      "schema": .string("hybridize.diff/1"), "equal": .integer(equal),
      "added": .array(added.map { .object(Self.json($0)) }),
      "removed": .array(removed.map { .object(Self.json($0)) }),
      "changed": .array(changed.map { .object(Self.json($0)) }),
    ]
  }

  private static func json(_ tensor: TensorDescriptor) -> JSONObject {
    [
      "name": .string(tensor.name), "dtype": .string(tensor.elementType.rawValue),
      "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
    ]
  }

  private static func json(_ change: Change) -> JSONObject {
    var object: JSONObject = [
      "name": .string(change.before.name), "dtype": .string(change.before.elementType.rawValue),
      "new_dtype": .string(change.after.elementType.rawValue),
      "shape": .array(change.before.shape.dimensions.map { .integer($0) }),
      "new_shape": .array(change.after.shape.dimensions.map { .integer($0) }),
    ]
    object["differing"] = change.values.map { .integer($0.differing) } ?? .null
    object["incomparable"] = change.values.map { .integer($0.incomparable) } ?? .null
    object["max_abs"] = change.values.map { .double($0.largest) } ?? .null
    object["mean_abs"] = change.values.map { .double($0.mean) } ?? .null
    return object
  }

  public var text: String {
    var out = "\(equal) equal, \(changed.count) changed, \(added.count) added, \(removed.count) removed\n"
    for (sign, tensors) in [("+", added), ("-", removed)] where !tensors.isEmpty {
      out += "\n"
      for tensor in tensors {
        out += "\(sign) \(ErrorText.escape(tensor.name))  \(tensor.elementType.rawValue) \(tensor.shape)\n"
      }
    }
    guard !changed.isEmpty else { return out }
    var table = TextTable([
      ("changed", .left), ("type", .left), ("shape", .left), ("differing", .right), ("largest", .right),
      ("mean", .right),
    ])
    for change in changed {
      table.add([
        change.before.name, Self.arrow(change.before.elementType.rawValue, change.after.elementType.rawValue),
        Self.arrow(change.before.shape.description, change.after.shape.description),
        change.values.map { NumberText.grouped($0.differing) } ?? "-",
        change.values.map { NumberText.short($0.largest) } ?? "-",
        change.values.map { NumberText.short($0.mean) } ?? "-",
      ])
    }
    return out + "\n" + table.text
  }

  private static func arrow(_ before: String, _ after: String) -> String {
    before == after ? before : "\(before) -> \(after)"
  }
}
