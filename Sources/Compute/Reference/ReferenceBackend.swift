import HybridizeCore

/// Float64 activations and plain loops: slow, and obviously right. Fast code is tested against it.
public final class ReferenceBackend: Backend {
  public let name = "reference"
  public let details = "float64, plain loops"
  public let threads = 1
  public let activationType = ElementType.float64

  public init() {}

  // MARK: Memory

  public func makeTensor(rows: Int, columns: Int) -> Tensor {
    let storage = Storage.doubles(count: rows * columns)
    return Tensor(storage: storage, offset: 0, rows: rows, columns: columns)
  }

  /// Widens every weight to float64.
  public func prepare(_ tensor: StoredTensor) throws(HybridizeError) -> Weight {
    let (rows, columns) = try tensor.matrixShape()
    guard let element = tensor.elementReader() else {
      throw HybridizeError(
        .unsupportedElementType, tensor: tensor.name, expected: "F32, BF16, F16, F64, F8_E4M3 or F8_E5M2",
        found: tensor.elementType.rawValue)
    }
    let storage = Storage.doubles(count: rows * columns)
    let target = storage.address.assumingMemoryBound(to: Double.self)
    for index in 0..<rows * columns { target[index] = element(index) }
    return Weight(rows: rows, columns: columns, format: .plain(.float64), storage: storage)
  }

  /// Float64 that a quantised type has: each weight is moved to the nearest.
  public func quantize(_ weight: Weight, as type: QuantizedType) -> (weight: Weight, error: QuantizationError)? {
    guard weight.rows > 1, weight.columns > 0, weight.columns % QuantizedType.blockSize == 0 else { return nil }
    let storage = Storage.doubles(count: weight.rows * weight.columns)
    let target = storage.address.assumingMemoryBound(to: Double.self)
    var error = QuantizationError()
    for first in stride(from: 0, to: weight.rows * weight.columns, by: QuantizedType.blockSize) {
      let block = weight.doubles[first..<first + QuantizedType.blockSize]
      for (index, value) in zip(block.indices, type.rounded(Array(block))) {
        target[index] = value
        let difference = abs(value - weight.doubles[index])
        error.add(
          QuantizationError(
            squaredError: difference * difference, squares: weight.doubles[index] * weight.doubles[index],
            largest: difference))
      }
    }
    return (
      Weight(rows: weight.rows, columns: weight.columns, format: .quantized(type), storage: storage), error
    )
  }

  public func write(_ values: [Double], to tensor: Tensor) {
    precondition(values.count == tensor.elementCount, "\(values.count) values for \(tensor.elementCount) elements")
    for (index, value) in values.enumerated() { tensor.doubles[index] = value }
  }

  public func read(_ tensor: Tensor) -> [Double] { Array(tensor.doubles) }

  public func readFloats(_ tensor: Tensor) -> [Float] { tensor.doubles.map { Float($0) } }

  public func fill(_ tensor: Tensor, with value: Double) { tensor.doubles.update(repeating: value) }

  public func copy(_ source: Tensor, to target: Tensor) {
    precondition(source.rows == target.rows && source.columns == target.columns, "copy between different shapes")
    _ = target.doubles.update(fromContentsOf: source.doubles)
  }
}

extension Tensor {
  /// - Precondition: made by the reference backend.
  var doubles: UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(
      start: storage.address.assumingMemoryBound(to: Double.self) + offset, count: elementCount)
  }

  /// One row.
  func doubles(row: Int) -> UnsafeMutableBufferPointer<Double> { rows(row..<row + 1).doubles }
}

extension Weight {
  /// - Precondition: made by the reference backend.
  var doubles: UnsafeBufferPointer<Double> {
    UnsafeBufferPointer(start: storage.address.assumingMemoryBound(to: Double.self), count: rows * columns)
  }

  /// One row.
  func doubles(row: Int) -> UnsafeBufferPointer<Double> {
    UnsafeBufferPointer(rebasing: doubles[row * columns..<(row + 1) * columns])
  }
}

extension Storage {
  static func doubles(count: Int) -> Storage {
    let byteCount = count * MemoryLayout<Double>.stride
    let address = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    return Storage(address: address, byteCount: byteCount) { $0.deallocate() }
  }
}

extension StoredTensor {
  /// Reads element by element as float64; `nil` for types that are not plain floating point.
  fileprivate func elementReader() -> ((Int) -> Double)? {
    let bytes = bytes
    switch elementType {
    case .float64: return { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    case .float32: return { Double(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
    case .float16:
      return { Self.fromHalf(bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) }
    case .bfloat16:
      return {
        Double(Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) << 16))
      }
    case .float8E4M3: return { Self.fromE4M3(bytes[$0]) }
    case .float8E5M2: return { Self.fromHalf(UInt16(bytes[$0]) << 8) }
    default: return nil
    }
  }

  /// Float8 with four bits of exponent and three of fraction, without infinities, by its definition (OCP OFP8 1.0).
  private static func fromE4M3(_ bits: UInt8) -> Double {
    let sign: Double = bits >> 7 == 0 ? 1 : -1
    let fraction = Double(bits & 7) / 8
    switch Int(bits >> 3) & 15 {
    case 0: return sign * fraction * 0x1p-6
    case 15 where bits & 7 == 7: return .nan
    case let exponent: return sign * (1 + fraction) * Double(sign: .plus, exponent: exponent - 7, significand: 1)
    }
  }

  /// IEEE 754 binary16, by its definition: one sign bit, five of exponent, ten of fraction.
  private static func fromHalf(_ bits: UInt16) -> Double {
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    let fraction = Double(bits & 0x3FF) * 0x1p-10
    switch Int(bits >> 10) & 0x1F {
    case 0: return sign * fraction * 0x1p-14
    case 31: return fraction == 0 ? sign * .infinity : .nan
    case let exponent: return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    }
  }
}

extension QuantizedType {
  /// The values of a block that this type has, nearest to `values`, with a scale that float16 has.
  fileprivate func rounded(_ values: [Double]) -> [Double] {
    guard values.allSatisfy(\.isFinite) else { return values.map { _ in .nan } }
    var extreme = 0.0
    for value in values where abs(value) > abs(extreme) { extreme = value }
    let (limits, exact) = self == .eightBit ? (-127.0...127.0, abs(extreme) / 127) : (-8.0...7.0, extreme / -8)
    let scale = Self.halfPrecision(exact)
    guard scale != 0 else { return values.map { _ in 0 } }
    return values.map { value in
      let steps = (value / scale).rounded(.toNearestOrEven)
      return scale * min(max(steps, limits.lowerBound), limits.upperBound)
    }
  }

  /// The nearest value of IEEE binary16, ties to even.
  private static func halfPrecision(_ value: Double) -> Double {
    guard value != 0 else { return 0 }
    let spacing = Double(sign: .plus, exponent: max(value.exponent, -14) - 10, significand: 1)
    let rounded = (value / spacing).rounded(.toNearestOrEven) * spacing
    return abs(rounded) > 65504 ? .infinity : rounded
  }
}
