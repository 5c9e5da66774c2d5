import HybridizeCore

/// How a backend stores the keys and values of tokens that it has seen.
public enum CacheType: String, Sendable, CaseIterable {
  /// What activations are: float32 on the CPU.
  case full = "f32"
  /// Rounded to bfloat16: half the memory, and half the bytes that a decode step reads.
  case bfloat16 = "bf16"

  /// Bytes an element where activations are float32.
  public var elementBytes: Int { self == .full ? 4 : 2 }
}

/// Keys or values of the tokens of one sequence, `[heads, capacity, headDimension]`, in the memory of the backend
/// that made it. A view: copies share their memory.
public struct CacheTensor: Sendable {
  package let storage: Storage
  public let heads: Int
  /// Tokens that fit.
  public let capacity: Int
  public let headDimension: Int
  public let type: CacheType

  package init(storage: Storage, heads: Int, capacity: Int, headDimension: Int, type: CacheType) {
    self.storage = storage
    self.heads = heads
    self.capacity = capacity
    self.headDimension = headDimension
    self.type = type
  }
}

/// The rows of one sequence in a call that covers several, and the tensor that the sequence keeps between calls.
public struct SequenceState: Sendable {
  /// Rows of the call's operands.
  public let rows: Range<Int>
  public let state: Tensor

  public init(rows: Range<Int>, state: Tensor) {
    self.rows = rows
    self.state = state
  }
}

/// The query rows of one sequence in an attention that covers several, and the cache that they see.
public struct SequenceCache: Sendable {
  /// Rows of query and output.
  public let rows: Range<Int>
  /// The cache row of the first of them, whose key and value are already in.
  public let position: Int
  public let keys: CacheTensor
  public let values: CacheTensor

  /// - Precondition: keys and values have one shape and type, and hold the rows.
  public init(rows: Range<Int>, position: Int, keys: CacheTensor, values: CacheTensor) {
    precondition(
      keys.heads == values.heads && keys.capacity == values.capacity && keys.headDimension == values.headDimension
        && keys.type == values.type, "keys and values of different shapes")
    precondition(position >= 0 && position + rows.count <= keys.capacity, "attention beyond the cache")
    self.rows = rows
    self.position = position
    self.keys = keys
    self.values = values
  }
}
