import CKernels
import HybridizeCore

/// Reads stored values of any real type as float32, a few thousand at a time, so that they stay in cache. Values beyond
/// float32's precision are rounded.
struct ElementDecoder: Sendable {
  let elementType: ElementType
  private let kernels: ck_kernels
  /// Values by bit pattern, for types of at most eight bits.
  private let table: [Float]

  /// Floats at a time.
  static let piece = 4096

  /// - Throws: `.valuesUnknown` for a type whose values are not read here: F6 types, F8_E8M0, complex numbers.
  init(_ elementType: ElementType, kernels: ck_kernels) throws(HybridizeError) {
    switch elementType {
    case .float6E2M3, .float6E3M2, .float8E8M0, .complex64:
      throw HybridizeError(.valuesUnknown, found: elementType.rawValue)
    default: break
    }
    self.elementType = elementType
    self.kernels = kernels
    table = SmallFloat(elementType)?.table ?? []
  }

  /// Elements in `bytes`.
  ///
  /// - Precondition: a whole number.
  func count(_ bytes: UnsafeRawBufferPointer) -> Int {
    precondition(bytes.count * 8 % elementType.bitsPerElement == 0, "a part of an element")
    return bytes.count * 8 / elementType.bitsPerElement
  }

  /// Fills `floats` with the elements from `first` on.
  ///
  /// - Precondition: there are as many; `bytes` is aligned to its elements.
  func decode(_ bytes: UnsafeRawBufferPointer, from first: Int, into floats: UnsafeMutableBufferPointer<Float>) {
    guard let start = bytes.baseAddress, let target = floats.baseAddress else { return }
    switch elementType {
    case .float32, .bfloat16, .float16:
      kernels.widen(
        elementType.kernelType, start + first * (elementType.bitsPerElement / 8), floats.count, target)
    default: for index in floats.indices { floats[index] = value(bytes, first + index) }
    }
  }

  private func value(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    switch elementType {
    case .float64: Float(roundingToOdd: bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
    case .bool, .uint8: Float(bytes[index])
    case .int8: Float(Int8(bitPattern: bytes[index]))
    case .int16: Float(bytes.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))
    case .uint16: Float(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
    case .int32: Float(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self))
    case .uint32: Float(bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    case .int64: Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
    case .uint64: Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
    case .float4: table[Int((bytes[index / 2] >> (index % 2 * 4)) & 15)]
    default: table[Int(bytes[index])]
    }
  }
}

extension Problem {
  public static let valuesUnknown = Problem(
    "valuesUnknown", .argument, "values of this element type cannot be read here")
}
