import CKernels
import HybridizeCore

extension CPUBackend {
  public func prepare(_ tensor: StoredTensor) throws(HybridizeError) -> Weight {
    let (rows, columns) = try tensor.matrixShape()
    // Vectors and convolution kernels are small, and their kernels read float32 only.
    let isSmall = rows == 1 || tensor.shape.rank != 2
    switch tensor.elementType {
    case .float64: return narrowed(tensor, rows, columns)
    case .float32, .bfloat16, .float16:
      if isSmall { return widened(tensor, rows, columns) }
      let storage = tensor.isAligned ? borrowed(tensor) : copied(tensor)
      return Weight(rows: rows, columns: columns, format: .plain(tensor.elementType), storage: storage)
    case .float8E4M3, .float8E5M2:
      // No kernel reads them; bfloat16 has all their values.
      return try decoded(tensor, rows, columns, as: isSmall ? .float32 : .bfloat16)
    default:
      throw HybridizeError(
        .unsupportedElementType, tensor: tensor.name, expected: "F32, BF16, F16, F64, F8_E4M3 or F8_E5M2",
        found: tensor.elementType.rawValue)
    }
  }

  public func quantize(_ weight: Weight, as type: QuantizedType) -> (weight: Weight, error: QuantizationError)? {
    guard weight.rows > 1, weight.columns > 0, weight.columns % QuantizedType.blockSize == 0 else { return nil }
    let target = type == .eightBit ? ck_q8_0 : ck_q4_0
    let rowBytes = ck_row_bytes(target, weight.columns)
    let storage = Storage.allocate(byteCount: weight.rows * rowBytes)
    let rowsAPiece = max(1, Self.elementsAPiece / weight.columns)
    let pieces = (weight.rows + rowsAPiece - 1) / rowsAPiece
    // Summed piece by piece, in order: the same for any number of threads.
    let sums = pool.map(pieces) { piece in
      var sum = ck_quantization()
      let floats = UnsafeMutablePointer<Float>.allocate(capacity: weight.columns)
      defer { floats.deallocate() }
      for row in piece * rowsAPiece..<min(weight.rows, (piece + 1) * rowsAPiece) {
        kernels.widen(weight.kernelType, weight.row(row), weight.columns, floats)
        kernels.quantize(target, floats, weight.columns, storage.address + row * rowBytes, &sum)
      }
      return sum
    }
    var error = QuantizationError()
    for sum in sums {
      error.add(
        QuantizationError(
          squaredError: sum.squared_error, squares: sum.squares, largest: Double(sum.largest_error)))
    }
    return (
      Weight(rows: weight.rows, columns: weight.columns, format: .quantized(type), storage: storage), error
    )
  }

  /// The file's own bytes; the weight keeps their owner alive.
  private func borrowed(_ tensor: StoredTensor) -> Storage {
    // Weights are never written to.
    let address = UnsafeMutableRawPointer(mutating: tensor.bytes.baseAddress)
    guard let address else { return .allocate(byteCount: 0) }
    return Storage(address: address, byteCount: tensor.bytes.count) { _ in withExtendedLifetime(tensor) {} }
  }

  private func copied(_ tensor: StoredTensor) -> Storage {
    let storage = Storage.allocate(byteCount: tensor.bytes.count)
    UnsafeMutableRawBufferPointer(start: storage.address, count: storage.byteCount).copyMemory(from: tensor.bytes)
    return storage
  }

  private func widened(_ tensor: StoredTensor, _ rows: Int, _ columns: Int) -> Weight {
    let source = tensor.isAligned ? borrowed(tensor) : copied(tensor)
    let target = Storage.allocate(byteCount: rows * columns * MemoryLayout<Float>.stride)
    kernels.widen(
      tensor.elementType.kernelType, source.address, rows * columns,
      target.address.assumingMemoryBound(to: Float.self))
    return Weight(rows: rows, columns: columns, format: .plain(.float32), storage: target)
  }

  /// A copy in another type.
  private func decoded(
    _ tensor: StoredTensor, _ rows: Int, _ columns: Int, as type: ElementType
  ) throws(HybridizeError) -> Weight {
    let target = Storage.allocate(byteCount: rows * columns * type.bitsPerElement / 8)
    let result = UnsafeMutableRawBufferPointer(start: target.address, count: target.byteCount)
    _ = try ElementCast(from: tensor.elementType, to: type, instructionSet: instructionSet).run(
      tensor.bytes, into: result)
    return Weight(rows: rows, columns: columns, format: .plain(type), storage: target)
  }

  private func narrowed(_ tensor: StoredTensor, _ rows: Int, _ columns: Int) -> Weight {
    let target = Storage.allocate(byteCount: rows * columns * MemoryLayout<Float>.stride)
    let floats = target.address.assumingMemoryBound(to: Float.self)
    for index in 0..<rows * columns {
      floats[index] = Float(tensor.bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
    }
    return Weight(rows: rows, columns: columns, format: .plain(.float32), storage: target)
  }
}

extension StoredTensor {
  /// Rows and columns of a matrix, of a vector as one row, or of a convolution kernel `[channels, 1, taps]`.
  ///
  /// - Throws: `.wrongShape`.
  func matrixShape() throws(HybridizeError) -> (rows: Int, columns: Int) {
    let dimensions = shape.dimensions
    switch dimensions.count {
    case 1: return (1, dimensions[0])
    case 2: return (dimensions[0], dimensions[1])
    case 3 where dimensions[1] == 1: return (dimensions[0], dimensions[2])
    default:
      throw HybridizeError(
        .wrongShape, tensor: name, expected: "a vector, a matrix or [channels, 1, taps]", found: "\(shape)")
    }
  }

  /// Whether the bytes can be read as elements where they are.
  fileprivate var isAligned: Bool {
    Int(bitPattern: bytes.baseAddress) % (elementType.bitsPerElement / 8) == 0
  }
}

extension ElementType {
  /// - Precondition: a type that `prepare` leaves as it is.
  var kernelType: ck_type {
    switch self {
    case .float32: ck_float32
    case .bfloat16: ck_bfloat16
    case .float16: ck_float16
    default: preconditionFailure("no kernels for \(rawValue)")
    }
  }
}

extension Weight {
  /// A weight that `prepare` has made float32, as it does with vectors and convolution kernels.
  ///
  /// - Precondition: it is one.
  var floats: UnsafePointer<Float> {
    precondition(format == .plain(.float32), "\(format) where float32 was expected")
    return UnsafePointer(storage.address.assumingMemoryBound(to: Float.self))
  }

  /// The address of a row in the stored type.
  func row(_ index: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(storage.address) + index * rowBytes
  }

  var rowBytes: Int { ck_row_bytes(kernelType, columns) }

  /// - Precondition: made by the CPU backend.
  var kernelType: ck_type {
    switch format {
    case .plain(let type): type.kernelType
    case .quantized(.eightBit): ck_q8_0
    case .quantized(.fourBit): ck_q4_0
    }
  }
}
