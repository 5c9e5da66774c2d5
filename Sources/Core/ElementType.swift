/// The number formats that a checkpoint can hold, by their safetensors names.
///
/// Cases stand in the reference library's rank order, lowest first; a writer that sorts by it keeps every
/// tensor aligned to its element size.
public enum ElementType: String, Sendable, CaseIterable, Codable {
  case bool = "BOOL"
  case float4 = "F4"
  case float6E2M3 = "F6_E2M3"
  case float6E3M2 = "F6_E3M2"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case float8E8M0 = "F8_E8M0"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case complex64 = "C64"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// Position in the reference library's order, lowest first.
  public var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// Bits of one element; below 8 for the packed types.
  public var bitsPerElement: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ: 8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32: 32
    case .complex64, .float64, .int64, .uint64: 64
    }
  }

  /// Float8 of one or the other layout, whose values bfloat16 has all.
  public var isFloat8: Bool { self == .float8E4M3 || self == .float8E5M2 }

  /// Bytes of `count` elements.
  ///
  /// - Precondition: `count` is not negative.
  /// - Throws: `.sizeOverflow` when the product does not fit, `.subByteMisaligned` when a packed type does not
  ///   fill whole bytes.
  public func byteCount(elements count: Int) throws(HybridizeError) -> Int {
    // Bits are counted in 64 of them, as the reference does: 2^60 bytes is a size, 2^61 is not.
    let (bits, overflow) = UInt64(count).multipliedReportingOverflow(by: UInt64(bitsPerElement))
    guard !overflow else { throw HybridizeError(.sizeOverflow, found: "\(count) x \(bitsPerElement) bits") }
    guard bits % 8 == 0 else {
      throw HybridizeError(
        .subByteMisaligned, expected: "a whole number of bytes", found: "\(count) elements of \(bitsPerElement) bits")
    }
    return Int(bits / 8)
  }
}
