/// Where the time of a stretch of work went, in nanoseconds: by part of the model and operation. The times add up to the
/// stretch, as what lies between operations is counted too.
public struct Profile: Sendable, Equatable {
  public struct Key: Sendable, Hashable {
    /// `nil` before the first part was named.
    public let part: ModelPart?
    public let operation: Operation

    public init(part: ModelPart?, operation: Operation) {
      self.part = part
      self.operation = operation
    }
  }

  public struct Entry: Sendable, Equatable {
    public var calls = 0
    public var nanoseconds: Int64 = 0
    /// Multiplications and additions of matrix products; 0 for other operations.
    public var arithmetic = 0

    public init() {}
  }

  /// What operations do, coarse enough for a picture.
  public enum Operation: String, Sendable, CaseIterable {
    case linear
    case attention
    case recurrence
    case convolution
    case cache
    case rotary
    case norm
    case elementwise
    case loss
    case optimizer
    case memory
    /// Between operations: the layers' own code.
    case other
  }

  public private(set) var entries: [Key: Entry] = [:]

  /// Of all entries.
  public var nanoseconds: Int64 { entries.values.reduce(0) { $0 + $1.nanoseconds } }

  /// The share of the time that no operation accounts for.
  public var unaccounted: Double {
    let total = nanoseconds
    let other = entries.reduce(into: Int64(0)) { sum, entry in
      if entry.key.operation == .other { sum += entry.value.nanoseconds }
    }
    return total > 0 ? Double(other) / Double(total) : 0
  }

  public init() {}

  /// An operation over all parts.
  public subscript(operation: Operation) -> Entry {
    entries.reduce(into: Entry()) { sum, entry in
      guard entry.key.operation == operation else { return }
      sum.calls += entry.value.calls
      sum.nanoseconds += entry.value.nanoseconds
      sum.arithmetic += entry.value.arithmetic
    }
  }

  package mutating func add(
    _ part: ModelPart?, _ operation: Operation, nanoseconds: Int64, calls: Int = 1, arithmetic: Int = 0
  ) {
    let key = Key(part: part, operation: operation)
    entries[key, default: Entry()].nanoseconds += nanoseconds
    entries[key, default: Entry()].calls += calls
    entries[key, default: Entry()].arithmetic += arithmetic
  }
}
