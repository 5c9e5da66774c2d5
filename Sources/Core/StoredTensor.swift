#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A tensor as a file holds it: type, shape and a borrowed view of its little-endian bytes in row-major order.
///
/// `owner` keeps the memory alive: as long as a `StoredTensor` exists, its bytes do. Swift ends a value after its last
/// use: what takes `bytes` out of a tensor keeps the tensor, by `withExtendedLifetime` if by nothing else. This is the
/// hand-over between Formats, which knows no arithmetic, and Compute, which knows no files.
public struct StoredTensor: @unchecked Sendable {
  public let name: String
  public let elementType: ElementType
  public let shape: Shape
  /// Exactly the bytes that `elementType` and `shape` ask for. Never written to. Hold on to the tensor while they are
  /// used: `reader.tensor(named: name).bytes` alone does not, and where the reader made the tensor they are gone.
  public let bytes: UnsafeRawBufferPointer
  private let owner: AnyObject

  /// - Precondition: `bytes` has the size that type and shape ask for; readers check files before.
  public init(
    name: String, elementType: ElementType, shape: Shape, bytes: UnsafeRawBufferPointer, owner: AnyObject
  ) {
    precondition(
      (try? elementType.byteCount(elements: shape.elementCount())) == bytes.count,
      "\(name): \(bytes.count) bytes for \(elementType.rawValue) \(shape)")
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.bytes = bytes
    self.owner = owner
  }

  /// A tensor that owns a copy of `values`.
  public init(name: String, _ values: [Float], shape: Shape) {
    let copy = OwnedBytes(count: values.count * MemoryLayout<Float>.stride)
    values.withUnsafeBytes { copy.bytes.copyMemory(from: $0) }
    self.init(
      name: name, elementType: .float32, shape: shape, bytes: UnsafeRawBufferPointer(copy.bytes), owner: copy)
  }

  /// The same tensor under another name.
  package func named(_ name: String) -> StoredTensor {
    StoredTensor(name: name, elementType: elementType, shape: shape, bytes: bytes, owner: owner)
  }

  /// Same type, shape and bytes, under whatever name; at the speed of memory.
  package func hasSameContent(as other: StoredTensor) -> Bool {
    guard elementType == other.elementType, shape == other.shape, bytes.count == other.bytes.count else { return false }
    guard let left = bytes.baseAddress, let right = other.bytes.baseAddress else { return true }
    return memcmp(left, right, bytes.count) == 0
  }
}

/// Bytes on the heap, freed with their owner; 64-byte aligned.
public final class OwnedBytes {
  public let bytes: UnsafeMutableRawBufferPointer

  /// Traps if the system has not that much memory: for sizes that somebody has looked at.
  public convenience init(count: Int) {
    do {
      try self.init(claimed: count)
    } catch {
      fatalError(ErrorText.render(error))
    }
  }

  /// For a size that a file claims, which may be anything.
  ///
  /// - Throws: `.notEnoughMemory`.
  public init(claimed count: Int) throws(HybridizeError) {
    var start: UnsafeMutableRawPointer?
    // No byte is asked for as one, so that there is always an address.
    guard posix_memalign(&start, 64, max(count, 1)) == 0, let start else {
      throw HybridizeError(.notEnoughMemory, found: "\(count) bytes")
    }
    bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  deinit { free(bytes.baseAddress) }
}

extension Problem {
  public static let notEnoughMemory = Problem("notEnoughMemory", .inputFile, "there is not enough memory")
}
