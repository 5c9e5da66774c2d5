extension ElementType {
  /// Little-endian bytes of `values` in this type, rounded to nearest, ties to even.
  ///
  /// - Throws: `.notAFloatingType` for types that this package computes no values in.
  public func encode(_ values: [Double]) throws(HybridizeError) -> [UInt8] {
    switch self {
    case .float64: Self.bytes(values.map(\.bitPattern))
    case .float32: Self.bytes(values.map { Float($0).bitPattern })
    case .bfloat16: Self.bytes(values.map { Self.bfloat16(Float(roundingToOdd: $0)) })
    #if !(os(macOS) && arch(x86_64))
      case .float16: Self.bytes(values.map { Float16($0).bitPattern })
    #endif
    default: throw HybridizeError(.notAFloatingType, expected: "F64, F32, F16 or BF16", found: rawValue)
    }
  }

  /// The bits of a float32 in bfloat16, rounded to nearest, ties to even; a NaN stays one.
  static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    guard !value.isNaN else { return UInt16(bits >> 16) | 0x40 }
    // Rounding up the largest value gives infinity, which is right; the sum cannot leave 32 bits for a non-NaN.
    return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }

  private static func bytes(_ values: [some FixedWidthInteger]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  }
}

extension Float {
  /// A value that float32 does not have becomes the neighbour nearer to zero with its last bit set: rounding the result
  /// again, to fewer bits, gives what rounding `value` at once would (Boldo and Melquiond 2008).
  public init(roundingToOdd value: Double) {
    let nearest = Float(value)
    guard !value.isNaN, Double(nearest) != value else {
      self = nearest
      return
    }
    // One less as bits is one step nearer to zero, for either sign and from infinity as well.
    let isAway = Double(nearest).magnitude > value.magnitude
    let truncated = isAway ? nearest.bitPattern - 1 : nearest.bitPattern
    self = Float(bitPattern: truncated | 1)
  }
}

extension Problem {
  public static let notAFloatingType = Problem(
    "notAFloatingType", .inputFile, "new parameters cannot be written in this element type")
}
