import HybridizeCore
import HybridizeFormats
import TestSupport

/// The files that scripts/make_hdf5_fixtures.py has written with h5py, and what is in them.
enum HDF5Fixtures {
  static func path(_ name: String) -> String { Fixtures.path("hdf5/\(name)") }

  static func bytes(_ name: String) throws -> [UInt8] { try FileSystem.read(path(name), limit: 1 << 24) }

  /// The formula of the script: multiples of 1/64 that every floating type holds exactly.
  static func values(_ seed: Int, _ count: Int) -> [Double] {
    (0..<count).map { Double((($0 * 2_654_435_761 + seed * 40503) >> 7) % 256) / 64 - 2 }
  }

  /// The numbers that little-endian bytes stand for.
  static func numbers(_ bytes: [UInt8], _ type: ElementType) -> [Double] {
    let size = type.bitsPerElement / 8
    return stride(from: 0, to: bytes.count, by: size).map { start in
      let raw = bytes[start..<start + size].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      let unused = UInt64(64 - 8 * size)
      switch type {
      case .float64: return Double(bitPattern: raw)
      case .float32: return Double(Float(bitPattern: UInt32(raw)))
      case .bfloat16: return Double(Float(bitPattern: UInt32(raw) << 16))
      case .float16: return half(UInt16(raw))
      case .int8, .int16, .int32, .int64: return Double(Int64(bitPattern: raw << unused) >> Int64(unused))
      default: return Double(raw)
      }
    }
  }

  /// A finite float16, by its parts.
  private static func half(_ bits: UInt16) -> Double {
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF) / 1024
    let magnitude =
      exponent == 0
      ? Double(sign: .plus, exponent: -14, significand: fraction)
      : Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    return bits >> 15 == 1 ? -magnitude : magnitude
  }
}

extension HDF5File {
  /// All elements of a dataset as numbers.
  func numbers(_ path: String) throws -> [Double] {
    guard let dataset = object(at: path)?.dataset else { throw HybridizeError(.missingTensor, tensor: path) }
    return HDF5Fixtures.numbers(try bytes(dataset, 0..<dataset.byteCount), dataset.elementType)
  }

  func bytes(_ dataset: HDF5Dataset, _ range: Range<Int>) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xA5, count: range.count)
    try bytes.withUnsafeMutableBytes { try read(dataset, range: range, into: $0) }
    return bytes
  }
}
