import HybridizeCore

/// Memory of a backend. Freed with its last owner.
public final class Storage: @unchecked Sendable {
  package let address: UnsafeMutableRawPointer
  package let byteCount: Int
  private let release: @Sendable (UnsafeMutableRawPointer) -> Void

  package init(
    address: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    self.address = address
    self.byteCount = byteCount
    self.release = release
  }

  deinit { release(address) }
}

/// Activations: a row-major matrix, usually `[tokens, features]`, in the memory and the element type of the
/// backend that made it.
///
/// A tensor is a view: copies of it, and `rows(_:)` of it, share their memory. The element type is the
/// backend's business; read values with `Backend.read`.
public struct Tensor: Sendable {
  package let storage: Storage
  /// In elements.
  package let offset: Int
  public let rows: Int
  public let columns: Int

  package init(storage: Storage, offset: Int, rows: Int, columns: Int) {
    self.storage = storage
    self.offset = offset
    self.rows = rows
    self.columns = columns
  }

  public var elementCount: Int { rows * columns }

  /// The rows `range` as a view.
  ///
  /// - Precondition: the range lies within the rows.
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Tensor(storage: storage, offset: offset + range.lowerBound * columns, rows: range.count, columns: columns)
  }

  /// The same elements under another row length.
  ///
  /// - Precondition: the number of elements stays.
  public func reshaped(rows: Int, columns: Int) -> Tensor {
    precondition(rows * columns == elementCount, "[\(self.rows), \(self.columns)] as [\(rows), \(columns)]")
    return Tensor(storage: storage, offset: offset, rows: rows, columns: columns)
  }
}
